"""What a replay tells: a summary of its nights."""

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.data.schema import UNIT, in_unit
from pipeline.nights.night import NightResult
from pipeline.reporting.markdown import table

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
    if known := [night.on_new_rows for night in nights if night.on_new_rows]:
        ours, never = errors_on_new_rows(known)
        parts.append(
            f"On the {sum(rows for rows, *_ in known):,.0f} rows that came in these nights, none of which it had seen,"
            f" the champion's RMSE is {ours:,.0f} {UNIT}; had the first model stayed, {never:,.0f} {UNIT}."
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


def errors_on_new_rows(nights: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """The champion's and the first model's RMSE on all rows that came in these nights, from their numbers."""
    rows, *mse = np.array(nights).T  # each (nights,)
    ours, never = np.sqrt(np.average(mse, axis=1, weights=rows))
    return float(ours), float(never)
