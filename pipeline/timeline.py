"""A replay as a picture: what each night decided, and what retraining was worth. SVG for light and dark pages."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from pipeline.charts import round_ticks

WIDTH, LEFT, RIGHT, TOP, PANEL, BOTTOM = 860, 64, 18, 58, 240, 84  # pixels
GOOD = ("promoted", "first", "incomparable", "forced")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .note { fill: #59636e; font-size: 11px }
.page { fill: #ffffff } .grid { stroke: #d1d9e0 } .title { font-weight: 600 } polyline { fill: none; stroke-width: 2 }
.ours { stroke: #1f63b5 } .never { stroke: #bc4c00 } text.ours { fill: #1f63b5; stroke: none }
text.never { fill: #bc4c00; stroke: none }
.accepted { fill: #1f63b5 } .other { fill: #bc4c00 } .warning { fill: #bf8700 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #30363d }
.ours { stroke: #6cb0ff } .never { stroke: #ff9a4d } text.ours { fill: #6cb0ff } text.never { fill: #ff9a4d }
.accepted { fill: #6cb0ff } .other { fill: #ff9a4d } .warning { fill: #e3b341 }
}
"""


@dataclass(frozen=True)
class Mark:
    """A night in the picture: its decision, and whether the data was beyond a limit."""

    date: datetime.date
    decision: str
    warned: bool


Series = Mapping[str, Sequence[tuple[datetime.date, float]]]  # by the lines' names, the champion's first


def drawn(marks: Sequence[Mark], series: Series, *, title: str, label: str) -> str:
    """The picture: a panel with the lines, and below it two rows, of decisions and of warnings."""
    first, last = marks[0].date, marks[-1].date
    days = max((last - first).days, 1)

    def x(date: datetime.date) -> float:
        return LEFT + (date - first).days / days * (WIDTH - LEFT - RIGHT)

    ticks = round_ticks(0.0, max((value for points in series.values() for _, value in points), default=1.0))
    height = TOP + PANEL + BOTTOM

    def y(value: float) -> float:
        return TOP + PANEL * (1 - value / ticks[-1])

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        _text(LEFT, 22, title, "title"),
        _text(LEFT, 42, label, "note"),
    ]
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(_text(LEFT - 8, y(tick) + 4, f"{tick:,.0f}", "note", anchor="end"))
    for kind, (name, points) in zip(("ours", "never"), series.items(), strict=False):
        path = " ".join(f"{x(date):.1f},{y(value):.1f}" for date, value in points)
        parts.append(f'<polyline class="{kind}" points="{path}"/>')
        parts.append(_text(WIDTH - RIGHT, 22 if kind == "ours" else 42, name, kind, anchor="end"))
    rows = {"decision": TOP + PANEL + 24, "warning": TOP + PANEL + 44}
    parts += [_text(LEFT - 8, place + 4, name, "note", anchor="end") for name, place in rows.items()]
    for mark in marks:
        kind = "accepted" if mark.decision in GOOD else "other"
        parts.append(_dot(x(mark.date), rows["decision"], kind, f"{mark.date}: {mark.decision}"))
        if mark.warned:
            parts.append(_dot(x(mark.date), rows["warning"], "warning", f"{mark.date}"))
    for year in range(first.year, last.year + 1):
        for month in (1, 4, 7, 10):
            if first <= (date := datetime.date(year, month, 1)) <= last:
                parts.append(_text(x(date), height - 14, f"{date:%Y-%m}", "note", anchor="middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _dot(x: float, y: float, kind: str, title: str) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="3.4"><title>{escape(title)}</title></circle>'
