"""What a replay tells: a summary of its nights."""

import datetime
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.backtest.ageing import NewRows
from pipeline.backtest.ageing_report import ageing
from pipeline.data.schema import UNIT, in_unit
from pipeline.nights.night import NightResult
from pipeline.reporting.markdown import table

TITLES = (
    *("night", "ending", "rows", "new rows", "champion", "anchor", "challenger", "champion, new", "first, new"),
    "beyond limits",
)
RMSE_NOTE = (
    f"RMSE in {UNIT}: on the test rows the champion's, the anchor's where that is another model, and the challenger's;"
    " on the new rows the champion's and the first model's."
)
MSE = {
    name: in_unit(f"{name}_mse", power=2)
    for name in ("champion", "anchor", "challenger", "champion_new_rows", "first_new_rows")
}


@dataclass(frozen=True)
class Replayed:
    """A night that was replayed: how it ended, and mean squared errors of earlier models on the rows that came.

    These models stand by the dates of their nights, the first model among them; there is none if no rows came.
    """

    date: datetime.date
    result: NightResult
    mse: Mapping[datetime.date, float]

    @property
    def first_mse(self) -> float | None:
        """The first model's mean squared error on the rows that came; None if none came."""
        return self.mse[min(self.mse)] if self.mse else None

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
    parts += [RMSE_NOTE, table([TITLES, *map(_row, nights)], align="left")]
    parts += ageing(_rows_of_accepted_nights(nights), _test_mse(nights))
    return "\n\n".join(parts) + "\n"


def _rows_of_accepted_nights(nights: Sequence[Replayed]) -> list[NewRows]:
    """The rows that came, each once: what a night that is not accepted brings, comes again with the next."""
    accepted = [(night, night.on_new_rows) for night in nights if night.result.outcome.accepted]
    return [NewRows(night.date, known[0], known[1], night.mse) for night, known in accepted if known]


def _test_mse(nights: Sequence[Replayed]) -> dict[datetime.date, float]:
    """Each accepted model's mean squared error on its night's test rows, by that night."""
    accepted = [(night.date, night.result.record) for night in nights if night.result.outcome.accepted]
    return {date: record.numbers[MSE["challenger"]] for date, record in accepted if record}


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
