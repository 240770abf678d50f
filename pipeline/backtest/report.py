"""What a replay tells: a summary and a picture of its nights."""

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.backtest.chart import to_svg
from pipeline.data.schema import UNIT, in_unit
from pipeline.nights.night import NightResult
from pipeline.reporting.markdown import table

WINDOW = 12  # nights
TITLES = (
    *("night", "ending", "rows", "new rows", "champion", "challenger", "champion, new", "first, new"),
    "beyond limits",
)
MSE = {
    name: in_unit(f"{name}_mse", power=2) for name in ("champion", "challenger", "champion_new_rows", "first_new_rows")
}


@dataclass(frozen=True)
class Replayed:
    """A night that was replayed: how it ended, and the first model's mean squared error on the rows that came."""

    date: datetime.date
    result: NightResult
    first_mse: float | None

    @property
    def on_new_rows(self) -> tuple[float, float, float] | None:
        """How many rows came, and the errors on them: the champion's and the first model's; None if one is unknown."""
        numbers = self.result.record.numbers if self.result.record else {}
        if self.first_mse is None or MSE["champion_new_rows"] not in numbers:
            return None
        return numbers["new_rows"], numbers[MSE["champion_new_rows"]], self.first_mse


def summary(nights: Sequence[Replayed]) -> str:
    """What happened, as Markdown: how the nights ended, what retraining was worth, and each night's warnings."""
    counts = Counter(night.result.outcome for night in nights)
    parts = [
        f"# {len(nights)} nights, {nights[0].date} to {nights[-1].date}",
        "\n".join(f"- {outcome}: {count}" for outcome, count in counts.most_common()),
    ]
    known = [night.on_new_rows for night in nights if night.on_new_rows]
    if known:
        rows, ours, never = np.array(known).T
        parts.append(
            f"On the {rows.sum():,.0f} rows that came in these nights, none of which it had seen, the champion's RMSE"
            f" is {math.sqrt(np.average(ours, weights=rows)):,.0f} {UNIT}; had the first model stayed,"
            f" {math.sqrt(np.average(never, weights=rows)):,.0f} {UNIT}."
        )
    columns = "champion's and challenger's on the test rows; champion's and first model's on the new."
    parts += [f"RMSE in {UNIT}: {columns}", table([TITLES, *map(_row, nights)], align="left")]
    return "\n\n".join(parts) + "\n"


def _row(night: Replayed) -> list[str]:
    """A night's row of the table; what it does not know is empty."""
    record = night.result.record
    numbers = dict(record.numbers) if record else {}
    if night.first_mse is not None:
        numbers[MSE["first_new_rows"]] = night.first_mse
    return [
        str(night.date),
        night.result.outcome,
        *(f"{numbers[name]:,.0f}" if name in numbers else "" for name in ("rows", "new_rows")),
        *(f"{math.sqrt(numbers[name]):,.0f}" if name in numbers else "" for name in MSE.values()),
        "; ".join(map(str, (*record.drift.breaches, *record.drift.warnings))) if record else "",
    ]


def picture(nights: Sequence[Replayed]) -> str:
    """The decisions, the warnings, and both models' errors on the new rows of the last nights."""
    lines: dict[str, list[tuple[datetime.date, float]]] = {"retrained nightly": [], "never retrained": []}
    known = [(night.date, night.on_new_rows) for night in nights if night.on_new_rows]
    for last in range(len(known)):
        window = np.array([numbers for _, numbers in known[max(0, last + 1 - WINDOW) : last + 1]])  # (nights, 3)
        for points, errors in zip(lines.values(), window.T[1:], strict=True):
            points.append((known[last][0], math.sqrt(np.average(errors, weights=window[:, 0]))))
    label = f"RMSE in {UNIT} on rows that the model had never seen, of the last {WINDOW} nights"
    title = "What the nights decided, and what retraining was worth"
    return to_svg({night.date: night.result for night in nights}, lines, title=title, label=label)
