"""The speeds as a picture: a panel for each network, a row for each loop, a dot for each batch size."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

LEFT, TOP, ROW, PANEL, GAP = 170, 92, 26, 236, 44  # pixels
LEAST, MOST = 0.1, 1000.0  # speeds at a panel's edges

Speeds = Mapping[int, float | str]  # batch size → speed, or why there is none
Panel = Mapping[str, Speeds]  # of each loop


@dataclass(frozen=True)
class Colours:
    """Of a light page or a dark one; the dots' from the smallest batch size to the largest."""

    page: str
    text: str
    note: str
    grid: str
    peer: tuple[str, ...]
    ours: tuple[str, ...]

    def style(self) -> str:
        """As rules of CSS."""
        dots = {"peer": self.peer, "ours": self.ours}
        return "\n".join(
            [
                f".page {{ fill: {self.page} }} circle {{ stroke: {self.page} }}",
                f"text {{ fill: {self.text} }} text.note {{ fill: {self.note} }}",
                f"line {{ stroke: {self.grid} }} line.one {{ stroke: {self.note} }}",
                *(f".{kind}{n} {{ fill: {shade} }}" for kind, shades in dots.items() for n, shade in enumerate(shades)),
            ]
        )


LIGHT = Colours(
    page="#ffffff",
    text="#1f2328",
    note="#59636e",
    grid="#d1d9e0",
    peer=("#c4c9d0", "#a2a9b2", "#808892", "#5f6771", "#363d46"),
    ours=("#a6ccf7", "#6ea8ee", "#3b86e0", "#1f63b5", "#0c3f7d"),
)
DARK = Colours(
    page="#0d1117",
    text="#e6edf3",
    note="#9198a1",
    grid="#30363d",
    peer=("#454c55", "#646c76", "#868e98", "#adb4bd", "#dde3e9"),
    ours=("#1d4f8f", "#2f72c4", "#4f95ea", "#86bbf7", "#c6dffc"),
)
STYLE = f"""
text {{ font: 12px system-ui, sans-serif }} .note {{ font-size: 11px }} .title, .ours {{ font-weight: 600 }}
{LIGHT.style()}
@media (prefers-color-scheme: dark) {{
{DARK.style()}
}}
"""


def to_svg(panels: Mapping[str, Panel], *, title: str) -> str:
    """An SVG picture for light and dark pages; the panels have the same loops and at most five batch sizes."""
    first = next(iter(panels.values()))
    width, height = LEFT + len(panels) * (PANEL + GAP) - GAP // 2, TOP + (len(first) + 1) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        text(12, 24, title, "title"),
        *legend(list(next(iter(first.values())))),
        *(text(LEFT - 12, y_of(index), loop.strip("*"), group_of(loop), "end") for index, loop in enumerate(first)),
    ]
    for index, (name, panel) in enumerate(panels.items()):
        left = LEFT + index * (PANEL + GAP)
        parts += [text(left, TOP - 18, name, "title"), *axis(left, bottom=y_of(len(first)))]
        for row, (loop, speeds) in enumerate(panel.items()):
            parts += dots(left, y_of(row), list(speeds.values()), group_of(loop))
    return "\n".join([*parts, "</svg>", ""])


def legend(batches: Sequence[int]) -> Iterator[str]:
    """What the shades mean."""
    yield text(12, 46, "batch size", "note")
    for index, batch in enumerate(batches):
        left = 84 + index * 64
        yield from (dot(left, 42, f"peer{index}"), dot(left + 10, 42, f"ours{index}"))
        yield text(left + 19, 46, f"{batch:,}", "note")


def axis(left: float, *, bottom: float) -> Iterator[str]:
    """A panel's powers of ten."""
    for power in range(round(math.log10(LEAST)), round(math.log10(MOST)) + 1):
        x, css_class = left + x_of(10.0**power), "" if power else ' class="one"'
        yield f'<line{css_class} x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom - 16}"/>'
        yield text(x, bottom, f"{10.0**power:g}×", "note", "middle")


def dots(left: float, y: float, speeds: Sequence[float | str], css_class: str) -> Iterator[str]:
    """One loop's speeds, each a little below the one before, or why it has none."""
    for index, speed in enumerate(speeds):
        if not isinstance(speed, str):
            yield dot(left + x_of(speed), y - 4 + (index - len(speeds) // 2) * 4, f"{css_class}{index}")
    if isinstance(speeds[0], str):
        yield text(left + x_of(1) + 6, y, speeds[0], "note")


def y_of(row: int) -> int:
    """The baseline of a row's text, in pixels from the top."""
    return TOP + ROW * row + 14


def x_of(speed: float) -> float:
    """How far right of its panel's left edge a speed stands, in pixels, on a logarithmic axis."""
    share = math.log(speed / LEAST) / math.log(MOST / LEAST)
    return PANEL * min(max(share, 0), 1)


def group_of(loop: str) -> str:
    """Whether a loop has the colours of ours or of a peer."""
    return "ours" if "ours" in loop else "peer"


def dot(x: float, y: float, css_class: str) -> str:
    """One speed."""
    return f'<circle class="{css_class}" cx="{x:.1f}" cy="{y}" r="4"/>'


def text(x: float, y: float, words: str, role: str, anchor: str = "start") -> str:
    """Words in the picture."""
    return f'<text class="{role}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
