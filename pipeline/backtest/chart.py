"""A replay as a picture: what each night decided, and what retraining was worth. SVG for light and dark pages."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from pipeline.reporting.svg import Axis, Frame

WIDTH, LEFT, RIGHT, TOP, PANEL, BOTTOM = 860, 64, 18, 58, 240, 84  # pixels
HEIGHT = TOP + PANEL + BOTTOM
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
    """A night in the picture: its decision, whether that was accepted, and whether the data was beyond a limit."""

    date: datetime.date
    decision: str
    accepted: bool
    warned: bool


Series = Mapping[str, Sequence[tuple[datetime.date, float]]]  # by the lines' names, the champion's first


def to_svg(marks: Sequence[Mark], series: Series, *, title: str, label: str) -> str:
    """The picture: a panel with the lines, and below it two rows, of decisions and of warnings."""
    frame = _frame(marks, series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 22, title, "title"),
        _text(LEFT, 42, label, "note"),
        *_grid(frame),
        *_lines(frame, series),
        *_dots(frame, marks),
        *_quarters(frame, marks[0].date, marks[-1].date),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(marks: Sequence[Mark], series: Series) -> Frame:
    """The panel: dates, by their ordinals, from the first night to the last, and values from 0 to a round one."""
    first, last = marks[0].date.toordinal(), marks[-1].date.toordinal()
    dates = Axis(first, max(last, first + 1), ticks=(), label="", text=str)
    values = [value for points in series.values() for _, value in points] or [1.0]
    errors = Axis.over([0.0, *values], label="", text="{:,.0f}".format)
    return Frame(dates, errors, width=WIDTH, height=HEIGHT, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM)


def _grid(frame: Frame) -> Iterator[str]:
    for tick in frame.y.ticks:
        _, y = frame.pixel((frame.x.first, tick))
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, frame.y.text(tick), "note", anchor="end")


def _lines(frame: Frame, series: Series) -> Iterator[str]:
    for kind, (name, points) in zip(("ours", "never"), series.items(), strict=False):
        yield frame.polyline([(date.toordinal(), value) for date, value in points], kind)
        yield _text(WIDTH - RIGHT, 22 if kind == "ours" else 42, name, kind, anchor="end")


def _dots(frame: Frame, marks: Sequence[Mark]) -> Iterator[str]:
    """Two rows: each night's decision, and a dot where the data was beyond a limit."""
    rows = {"decision": TOP + PANEL + 24, "warning": TOP + PANEL + 44}
    yield from (_text(LEFT - 8, y + 4, name, "note", anchor="end") for name, y in rows.items())
    for mark in marks:
        kind = "accepted" if mark.accepted else "other"
        x = _x(frame, mark.date)
        yield _dot(x, rows["decision"], kind, f"{mark.date}: {mark.decision}")
        if mark.warned:
            yield _dot(x, rows["warning"], "warning", f"{mark.date}")


def _quarters(frame: Frame, first: datetime.date, last: datetime.date) -> Iterator[str]:
    for year in range(first.year, last.year + 1):
        for month in (1, 4, 7, 10):
            if first <= (date := datetime.date(year, month, 1)) <= last:
                yield _text(_x(frame, date), HEIGHT - 14, f"{date:%Y-%m}", "note", anchor="middle")


def _x(frame: Frame, date: datetime.date) -> float:
    x, _ = frame.pixel((date.toordinal(), 0.0))
    return x


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _dot(x: float, y: float, kind: str, title: str) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="3.4"><title>{escape(title)}</title></circle>'
