"""A replay as a picture: what each night decided, and what retraining was worth. SVG in the report's colours."""

import datetime
from collections.abc import Iterator, Mapping, Sequence

from pipeline.backtest.report import Replayed, errors_on_new_rows
from pipeline.data.schema import UNIT
from pipeline.reporting.elements import STYLE
from pipeline.reporting.svg import Axis, Frame, Point, dot, legend, text_at

WINDOW = 12  # nights
TITLE = "What the nights decided, and what retraining was worth"
LABEL = f"RMSE in {UNIT} on rows that the model had never seen, of the last {WINDOW} nights"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 382, 64, 18, 58, 84  # pixels
FLOOR = HEIGHT - BOTTOM
DECISIONS, WARNINGS, QUARTERS, LEGEND = 24, 44, 70, 34  # pixels below the floor; and the legend's room below all
KINDS = {"c0": "accepted: a new champion", "c1": "any other decision", "warning": "beyond a warning limit"}
"""What the dots mean, by their class."""
OWN_STYLE = f"""
svg {{ width: {WIDTH}px; margin: 0; font-size: 12px }} .page {{ fill: var(--paper) }} .title {{ font-weight: 600 }}
text.note {{ fill: var(--soft) }}
"""  # after the report's


def picture(nights: Sequence[Replayed]) -> str:
    """A panel with both models' errors on the new rows, and below it two rows, of decisions and of warnings."""
    lines = error_lines(nights)
    frame = _frame([night.date for night in nights], [error for points in lines.values() for _, error in points])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + LEGEND}" width="{WIDTH}" role="img">',
        f"<title>{TITLE}</title>\n<style>{STYLE}{OWN_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT + LEGEND}"/>',
        text_at(LEFT, 22, TITLE, kind="title"),
        text_at(LEFT, 42, LABEL, kind="note"),
        *frame.grid(),
    ]
    for number, (name, points) in enumerate(lines.items()):
        parts.append(frame.polyline(points, f"line c{number}"))
        parts.append(
            text_at(WIDTH - RIGHT, 22 + 20 * number, name, kind=f"tick left c{number}")
        )  # its right end is here
    return "\n".join([*parts, *_dots(frame, nights), *legend(KINDS, LEFT + 8, HEIGHT + 18, gap=200), "</svg>\n"])


def error_lines(nights: Sequence[Replayed]) -> Mapping[str, Sequence[Point]]:
    """Each model's line: by the dates' ordinals, the RMSE on all rows that came in the last nights until then."""
    known = [(night.date.toordinal(), night.on_new_rows) for night in nights if night.on_new_rows]
    champion, first = [], []
    for end, (date, _) in enumerate(known, 1):
        ours, never = errors_on_new_rows([numbers for _, numbers in known[max(0, end - WINDOW) : end]])
        champion.append((date, ours))
        first.append((date, never))
    return {"retrained nightly": champion, "never retrained": first}


def _frame(dates: Sequence[datetime.date], values: Sequence[float]) -> Frame:
    """The panel: dates, by their ordinals, with a tick at each quarter; values from 0 to a round one."""
    first, last = dates[0].toordinal(), dates[-1].toordinal()
    years = range(dates[0].year, dates[-1].year + 1)
    quarters = [datetime.date(year, month, 1).toordinal() for year in years for month in (1, 4, 7, 10)]
    ticks = [day for day in quarters if first <= day <= last]
    x = Axis(first, max(last, first + 1), ticks, label="", text=_month)
    y = Axis.over([0.0, *(values or [1.0])], label="", text="{:,.0f}".format)
    return Frame(x, y, WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, tick_gap=QUARTERS)


def _month(day: float) -> str:
    return f"{datetime.date.fromordinal(int(day)):%Y-%m}"


def _dots(frame: Frame, nights: Sequence[Replayed]) -> Iterator[str]:
    """Two rows: each night's decision, and a dot where the data was beyond a limit."""
    yield text_at(LEFT - 8, FLOOR + DECISIONS + 4, "decision", kind="tick left")
    yield text_at(LEFT - 8, FLOOR + WARNINGS + 4, "warning", kind="tick left")
    for night in nights:
        x, _ = frame.pixel((night.date.toordinal(), 0.0))
        outcome, record = night.result.outcome, night.result.record
        yield dot(x, FLOOR + DECISIONS, "c0" if outcome.accepted else "c1", title=f"{night.date}: {outcome}")
        if record and record.drift.warnings:
            yield dot(x, FLOOR + WARNINGS, "warning", title=f"{night.date}")
