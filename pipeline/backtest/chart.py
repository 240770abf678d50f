"""A replay as a picture: what each night decided, and what retraining was worth. SVG in the report's colours."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from pipeline.nights.night import NightResult
from pipeline.reporting.html import STYLE
from pipeline.reporting.svg import Axis, Frame

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 382, 64, 18, 58, 84  # pixels
DECISIONS, WARNINGS, QUARTERS = 24, 44, 70  # pixels below the panel
OWN_STYLE = f"""
svg {{ width: {WIDTH}px; margin: 0; font-size: 12px }} .page {{ fill: var(--paper) }} .title {{ font-weight: 600 }}
text.note {{ fill: var(--soft) }} circle.accepted {{ fill: var(--c0) }} circle.other {{ fill: var(--c1) }}
circle.warning {{ fill: var(--mark) }}
"""  # after the report's

Nights = Mapping[datetime.date, NightResult]  # in order
Series = Mapping[str, Sequence[tuple[datetime.date, float]]]  # by the lines' names, the champion's first


def to_svg(nights: Nights, series: Series, *, title: str, label: str) -> str:
    """The picture: a panel with the lines, and below it two rows, of decisions and of warnings."""
    frame = _frame(list(nights), [value for points in series.values() for _, value in points])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">',
        f"<title>{escape(title)}</title>\n<style>{STYLE}{OWN_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 22, title, "title"),
        _text(LEFT, 42, label, "note"),
        *frame.grid(),
        *_lines(frame, series),
        *_dots(frame, nights),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(dates: Sequence[datetime.date], values: Sequence[float]) -> Frame:
    """The panel: dates, by their ordinals, with a tick at each quarter; values from 0 to a round one."""
    first, last = dates[0], dates[-1]
    quarters = [datetime.date(year, month, 1) for year in range(first.year, last.year + 1) for month in (1, 4, 7, 10)]
    ticks = [date.toordinal() for date in quarters if first <= date <= last]
    end = max(last.toordinal(), first.toordinal() + 1)
    x = Axis(first.toordinal(), end, ticks, label="", text=lambda day: f"{datetime.date.fromordinal(int(day)):%Y-%m}")
    y = Axis.over([0.0, *(values or [1.0])], label="", text="{:,.0f}".format)
    room = {"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
    return Frame(x, y, WIDTH, HEIGHT, **room, tick_gap=QUARTERS)


def _lines(frame: Frame, series: Series) -> Iterator[str]:
    for number, (name, points) in enumerate(series.items()):
        yield frame.polyline([(date.toordinal(), value) for date, value in points], f"line c{number}")
        yield _text(WIDTH - RIGHT, 22 + 20 * number, name, f"tick left c{number}")  # it ends where the panel does


def _dots(frame: Frame, nights: Nights) -> Iterator[str]:
    """Two rows: each night's decision, and a dot where the data was beyond a limit."""
    floor = HEIGHT - BOTTOM
    yield _text(LEFT - 8, floor + DECISIONS + 4, "decision", "tick left")
    yield _text(LEFT - 8, floor + WARNINGS + 4, "warning", "tick left")
    for date, night in nights.items():
        x, _ = frame.pixel((date.toordinal(), 0.0))
        kind = "accepted" if night.outcome.accepted else "other"
        yield _dot(x, floor + DECISIONS, kind, f"{date}: {night.outcome}")
        if night.record and night.record.drift.warnings:
            yield _dot(x, floor + WARNINGS, "warning", f"{date}")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def _dot(x: float, y: float, kind: str, title: str) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="3.4"><title>{escape(title)}</title></circle>'
