"""Charts as SVG text: no library, no script, the same bytes for the same numbers.

Colours come from the page's CSS variables, so a chart follows its light or dark scheme.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 360.0, 54.0, 16.0, 10.0, 36.0  # of a chart with two axes, in pixels
HEIGHT = 230.0
BAR, LABELS = 22.0, 148.0  # of a chart of bars: the height of a line, the width of the names

Point = tuple[float, float]
Format = Callable[[float], str]


@dataclass(frozen=True)
class Axis:
    """A scale with round ticks that covers all values; `label` says what and in which unit."""

    ticks: tuple[float, ...]
    label: str
    text: Format

    @classmethod
    def over(cls, values: Sequence[float], *, label: str, text: Format) -> "Axis":
        """The axis from the round number below the smallest value to the one above the largest."""
        return cls(round_ticks(min(values), max(values)), label, text)

    def place(self, value: float, start: float, end: float) -> float:
        """Where the value lies between the pixels of the first and the last tick."""
        low, high = self.ticks[0], self.ticks[-1]
        return start + (value - low) / (high - low) * (end - start)


def round_ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """At most so many ticks at round distances (1, 2 or 5 times a power of ten) that enclose both numbers.

    >>> round_ticks(3, 48)
    (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)
    """
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    for step in (factor * power for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10)):
        first = math.floor(low / step + 1e-9)
        last = max(first + 1, math.ceil(high / step - 1e-9))
        if last - first < most:
            break
    return tuple(place * step for place in range(first, last + 1))


def lines(series: Mapping[str, Sequence[Point]], *, x: Axis, y: Axis, title: str, diagonal: bool = False) -> str:
    """One line per series, in the colours of the page, with its name at the top."""
    marks = [_diagonal(x, y)] if diagonal else []
    for place, (name, points) in enumerate(series.items()):
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (_pixel(point, x, y) for point in points))
        marks.append(f'<polyline class="line c{place}" points="{path}"/>')
        marks.append(f'<text class="c{place}" x="{LEFT + 8 + 110 * place}" y="{TOP + 10}">{escape(name)}</text>')
    return _framed(marks, x, y, title)


def scatter(points: Sequence[Point], *, x: Axis, y: Axis, title: str) -> str:
    """One dot per point, over the diagonal of equal values."""
    path = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in (_pixel(point, x, y) for point in points))
    return _framed([f'<path class="dots" d="{path}"/>', _diagonal(x, y)], x, y, title)


def histogram(counts: Sequence[Point], *, x: Axis, y: Axis, title: str) -> str:
    """One column per value and count, at equal distances."""
    width = 0.85 * (WIDTH - LEFT - RIGHT) / len(counts)
    marks = []
    for point in counts:
        px, py = _pixel(point, x, y)
        height = HEIGHT - BOTTOM - py
        marks.append(
            f'<rect class="c0" x="{px - width / 2:.1f}" y="{py:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        )
    return _framed(marks, x, y, title)


def bars(values: Mapping[str, float], *, text: Format, title: str, line: float | None = None) -> str:
    """One bar per name, to the left of zero where negative, with its value; and a dashed line through all at `line`."""
    low, high = min([0.0, *values.values()]), max([0.0, line or 0.0, *values.values()])
    span = (high - low) or 1.0
    room = WIDTH - LABELS - 68  # for the values
    zero = LABELS + 8 - low / span * room
    marks = []
    for place, (name, value) in enumerate(values.items()):
        top, length = place * BAR + 4, abs(value) / span * room
        start = zero if value >= 0 else zero - length
        marks.append(f'<text class="name" x="{LABELS}" y="{top + 12}">{_short(name)}</text>')
        marks.append(f'<rect class="c0" x="{start:.1f}" y="{top}" width="{length:.1f}" height="{BAR - 6}"/>')
        marks.append(f'<text x="{max(zero, start + length) + 4:.1f}" y="{top + 12}">{escape(text(value))}</text>')
    height = len(values) * BAR + 6
    if line is not None:
        marks.append(f'<path class="mark" d="M{zero + line / span * room:.1f} 0V{height}"/>')
    return _svg(marks, height, title)


def _pixel(point: Point, x: Axis, y: Axis) -> Point:
    return x.place(point[0], LEFT, WIDTH - RIGHT), y.place(point[1], HEIGHT - BOTTOM, TOP)


def _diagonal(x: Axis, y: Axis) -> str:
    low, high = max(x.ticks[0], y.ticks[0]), min(x.ticks[-1], y.ticks[-1])
    (x0, y0), (x1, y1) = _pixel((low, low), x, y), _pixel((high, high), x, y)
    return f'<path class="mark" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'


def _framed(marks: Sequence[str], x: Axis, y: Axis, title: str) -> str:
    """The marks in front of grid lines, with ticks and labels at both axes."""
    grid = []
    for tick in y.ticks:
        py = y.place(tick, HEIGHT - BOTTOM, TOP)
        grid.append(f'<path class="grid" d="M{LEFT} {py:.1f}H{WIDTH - RIGHT}"/>')
        grid.append(f'<text class="tick left" x="{LEFT - 5}" y="{py + 4:.1f}">{escape(y.text(tick))}</text>')
    for tick in x.ticks:
        px = x.place(tick, LEFT, WIDTH - RIGHT)
        grid.append(f'<text class="tick" x="{px:.1f}" y="{HEIGHT - BOTTOM + 14}">{escape(x.text(tick))}</text>')
    middle = (HEIGHT - BOTTOM + TOP) / 2
    grid.append(f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 5}">{escape(x.label)}</text>')
    grid.append(f'<text class="label" transform="translate(11 {middle}) rotate(-90)">{escape(y.label)}</text>')
    return _svg([*grid, *marks], HEIGHT, title)


def _svg(marks: Sequence[str], height: float, title: str) -> str:
    head = f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(title)}">'
    return "\n".join([head, *marks, "</svg>"])


def _short(name: str, *, most: int = 26) -> str:
    """The name as the text of an SVG element; one that is too long is cut, and shown whole under the pointer."""
    return escape(name) if len(name) <= most else f"<title>{escape(name)}</title>{escape(name[: most - 1])}…"
