"""The nights of the history as charts: one point per night, in their order, whatever their dates."""

import math
from collections.abc import Iterator, Mapping, Sequence

from pipeline.nights.record import ACCEPTED, NightOutcome, finite
from pipeline.reporting.svg import WIDTH, Axis, Format, Frame, dot, legend, picture, text_at

Nights = Sequence[Mapping[str, str]]
"""Lines of the history, oldest first."""

DATES = 3  # so many are written below a chart, at most
LEFT, RIGHT, TOP = 62.0, 34.0, 26.0  # pixels around the plot: half a date has room to the right
TICKS = 24.0  # pixels from the plot down to the dates, so that none touches a number of the other axis
RADIUS, ROW = 2.6, 22.0  # pixels: of a dot; the height of a decision's row
KINDS = {"c0": "new champion", "c1": "other", "warning": "rejected"}
"""What a night's dot means, by its class."""


def over_nights(
    nights: Nights,
    series: Mapping[str, str],
    *,
    text: Format,
    title: str,
    limit: float | None = None,
    top: float = math.inf,
) -> str | None:
    """A line for each column of the history, by what it is called; dashed: the limit. None if no night has a number.

    Numbers above `top` are drawn there, beside `≥`; under the pointer each says how much it is.
    """
    found = {name: list(_points(nights, column)) for name, column in series.items()}
    values = [value for points in found.values() for _, value in points]
    if not values:
        return None
    shown, cut = [min(value, top) for value in values], max(values) > top
    y = Axis.over(
        [*shown, *([] if limit is None else [0.0, limit])], label="", text=_at_least(text, top) if cut else text
    )
    frame = Frame(_axis(nights), y, left=LEFT, right=RIGHT, top=TOP, tick_gap=TICKS)
    marks = frame.grid()
    if limit is not None:
        marks.append(f'<path class="mark" d="M{LEFT:g} {frame.pixel((0, limit))[1]:.1f}H{frame.width - RIGHT:g}"/>')
    for number, points in enumerate(found.values()):
        drawn = [(night, min(value, top)) for night, value in points]
        marks.append(frame.polyline(drawn, f"line c{number}"))
        for point, (night, value) in zip(drawn, points, strict=True):
            said = f"{nights[night]['date']}: {text(value)}"
            marks.append(dot(*frame.pixel(point), f"c{number}", title=said, radius=RADIUS))
    if len(series) > 1:
        marks += legend({f"c{number}": name for number, name in enumerate(series)}, LEFT + 4, 14)
    return picture(marks, frame.height, title)


def decisions(nights: Nights) -> str:
    """A row for each decision that there is, with a dot where a night has ended so."""
    there = {night["decision"] for night in nights}
    rows = [word for word in NightOutcome if word in there] + sorted(there - set(NightOutcome))
    height = TOP + ROW * len(rows) + 26
    x = _axis(nights)
    left, right = 96.0, WIDTH - RIGHT
    marks = [text_at(left - 12, TOP + ROW * (row + 0.7), word, kind="tick left") for row, word in enumerate(rows)]
    for number, night in enumerate(nights):
        word = night["decision"]
        y = TOP + ROW * (rows.index(word) + 0.5)
        marks.append(dot(x.pixel(number, left, right), y, _kind(word), title=f"{night['date']}: {word}"))
    marks += [text_at(x.pixel(tick, left, right), height - 6, x.text(tick), kind="tick") for tick in x.ticks]
    return picture([*marks, *legend(KINDS, 12, 14)], height, "decisions")


def _kind(decision: str) -> str:
    """The class of a decision's dot."""
    return "c0" if decision in ACCEPTED else "warning" if decision == NightOutcome.REJECTED else "c1"


def _points(nights: Nights, column: str) -> Iterator[tuple[int, float]]:
    """The nights that have a number in the column, by their index, and the number."""
    for index, night in enumerate(nights):
        if (value := finite(night.get(column) or "")) is not None:
            yield index, value


def _axis(nights: Nights) -> Axis:
    """The nights in their order, with the dates of the last one and of some at equal distances before it."""
    last = len(nights) - 1
    ticks = range(last, -1, -max(1, last // (DATES - 1), min(last, 2)))  # of four nights, two have room for a date
    return Axis(-0.5, last + 0.5, ticks, label="", text=lambda index: _date(nights, int(index)))


def _date(nights: Nights, index: int) -> str:
    """The night's date; of the second one of a date `01-31 (2)`, which is no wider."""
    date = nights[index]["date"]
    number = sum(night["date"] == date for night in nights[: index + 1])
    return date if number == 1 else f"{date[5:]} ({number})"


def _at_least(text: Format, top: float) -> Format:
    """The numbers of an axis; that of the top says that there may be more."""
    return lambda value: f"≥ {text(value)}" if value >= top else text(value)
