"""Charts as SVG text: no library, no script, the same bytes for the same numbers.

Colours come from the page's CSS, so a chart follows its light or dark scheme.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.runtime.escape import html

WIDTH = 360.0  # of a chart, in pixels as all lengths here
NAME_WIDTH = 110.0  # the room for the name of a line

Point = tuple[float, float]
Format = Callable[[float], str]


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels."""

    first: float  # the value at one end of the axis
    last: float  # at the other
    ticks: Sequence[float]
    label: str  # what the axis measures, and in which unit
    text: Format  # writes the value of a tick

    @classmethod
    def over(cls, values: Sequence[float], *, label: str, text: Format) -> "Axis":
        """The axis from the round number below the smallest value to the one above the largest, with round ticks."""
        ticks = round_ticks(min(values), max(values))
        return cls(ticks[0], ticks[-1], ticks, label, text)

    def pixel(self, value: float, start: float, end: float) -> float:
        """Where the value lies on an axis that goes from one pixel to another."""
        return start + (value - self.first) / (self.last - self.first) * (end - start)


def round_ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """At most so many ticks at round distances (1, 2 or 5 times a power of ten) that enclose both numbers.

    >>> round_ticks(3, 48)
    (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)
    """
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    for step in (factor * power for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10)):
        first = math.floor(low / step + 1e-9)  # a multiple of the step stays one, whatever its last bit
        last = max(first + 1, math.ceil(high / step - 1e-9))
        if last - first < most:
            break
    return tuple(number * step for number in range(first, last + 1))


@dataclass(frozen=True)
class Frame:
    """A plot with an axis along its lower and its left edge: the chart's size, and the room around the plot."""

    x: Axis
    y: Axis
    width: float = WIDTH
    height: float = 230.0
    left: float = 54.0
    right: float = 16.0
    top: float = 10.0
    bottom: float = 36.0
    tick_gap: float = 14.0  # how far the ticks of x are written below the plot

    def pixel(self, point: Point) -> Point:
        """Where the point lies, from the left and from the top of the chart."""
        x, y = point
        return self.x.pixel(x, self.left, self.width - self.right), self.y.pixel(y, self.height - self.bottom, self.top)

    def polyline(self, points: Sequence[Point], kind: str) -> str:
        """A line through the points, of this class."""
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in map(self.pixel, points))
        return f'<polyline class="{kind}" points="{path}"/>'

    def diagonal(self) -> str:
        """A dashed line through the points whose x is their y."""
        low, high = max(self.x.first, self.y.first), min(self.x.last, self.y.last)
        (x0, y0), (x1, y1) = self.pixel((low, low)), self.pixel((high, high))
        return f'<path class="mark" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'

    def grid(self) -> list[str]:
        """A line across the plot at each tick of y, and what the ticks of both axes are."""
        right, below = self.width - self.right, self.height - self.bottom + self.tick_gap
        marks = []
        for tick in self.y.ticks:
            _, py = self.pixel((self.x.first, tick))
            marks.append(f'<path class="grid" d="M{self.left} {py:.1f}H{right}"/>')
            marks.append(text_at(self.left - 5, py + 4, self.y.text(tick), kind="tick left"))
        x = self.x
        return [
            *marks,
            *(text_at(x.pixel(tick, self.left, right), below, x.text(tick), kind="tick") for tick in x.ticks),
        ]

    def chart(self, marks: Sequence[str], *, title: str) -> str:
        """The marks in front of the grid, as a whole chart; the axes say what they measure."""
        center, middle = (self.left + self.width - self.right) / 2, (self.height - self.bottom + self.top) / 2
        below = text_at(center, self.height - 5, self.x.label, kind="label")
        aside = f'<text class="label" transform="translate(11 {middle}) rotate(-90)">{html(self.y.label)}</text>'
        return picture([*self.grid(), below, aside, *marks], self.height, title)


def lines(series: Mapping[str, Sequence[Point]], *, x: Axis, y: Axis, title: str, diagonal: bool = False) -> str:
    """One line per series, in the colours of the page, with its name at the top: where falling lines have come down."""
    frame = Frame(x, y)
    marks = [frame.diagonal()] if diagonal else []
    first, *_ = series.values()
    falls = first[0][1] > first[-1][1]
    start = frame.width - frame.right - NAME_WIDTH * len(series) if falls else frame.left + 8
    for number, (name, points) in enumerate(series.items()):
        marks.append(frame.polyline(points, f"line c{number}"))
        marks.append(text_at(start + NAME_WIDTH * number, frame.top + 10, name, kind=f"c{number}"))
    return frame.chart(marks, title=title)


def scatter(points: Sequence[Point], *, x: Axis, y: Axis, title: str) -> str:
    """One dot per point, over the diagonal of equal values."""
    frame = Frame(x, y)
    dots = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in map(frame.pixel, points))
    return frame.chart([f'<path class="dots" d="{dots}"/>', frame.diagonal()], title=title)


def histogram(counts: Sequence[Point], *, x: Axis, y: Axis, title: str) -> str:
    """One column per value and count, at equal distances."""
    frame = Frame(x, y)
    width = 0.85 * (frame.width - frame.left - frame.right) / len(counts)
    pixels, floor = map(frame.pixel, counts), frame.height - frame.bottom
    return frame.chart([rectangle(px - width / 2, py, width, floor - py) for px, py in pixels], title=title)


def legend(names: Mapping[str, str], x: float, y: float, *, gap: float = NAME_WIDTH) -> list[str]:
    """A dot for each class, with its name beside it: what the colours of a chart's dots mean."""
    starts = [x + number * gap for number in range(len(names))]
    dots = [dot(start, y - 4, kind, title=name) for start, (kind, name) in zip(starts, names.items(), strict=True)]
    return [*dots, *(text_at(start + 8, y, name) for start, name in zip(starts, names.values(), strict=True))]


def dot(x: float, y: float, kind: str, *, title: str, radius: float = 3.4) -> str:
    """A dot of this class; its title is shown under the pointer."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"><title>{html(title)}</title></circle>'


def text_at(x: float, y: float, text: str, *, kind: str = "") -> str:
    """A text of this class, that begins, or as its class says ends, at the point."""
    class_ = kind and f' class="{kind}"'
    return f'<text{class_} x="{x:.1f}" y="{y:.1f}">{html(text)}</text>'


def rectangle(x: float, y: float, width: float, height: float, *, kind: str = "c0") -> str:
    """A bar of this class, from its upper left corner."""
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def picture(marks: Sequence[str], height: float, title: str) -> str:
    """The marks as a chart of this height, with a title for those who do not see it."""
    head = f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{html(title)}">'
    return "\n".join([head, *marks, "</svg>"])
