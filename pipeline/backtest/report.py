"""What a replay tells: a summary and a picture of its nights."""

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.backtest.chart import Mark, to_svg
from pipeline.nights.result import ACCEPTED, Report

WINDOW = 12  # nights
TITLES = "night | ending | rows | new rows | champion | challenger | champion, new | first, new | beyond limits"


@dataclass(frozen=True)
class Replayed:
    """A night that was replayed: how it ended, and the first model's error on the rows that came, in USD²."""

    date: datetime.date
    report: Report
    first_mse: float | None

    @property
    def newcomers(self) -> tuple[float, float, float] | None:
        """How many rows came, and the errors on them: the champion's and the first model's; None if one is unknown."""
        numbers = self.report.record.numbers if self.report.record else {}
        if self.first_mse is None or "champion_new_rows_mse_usd2" not in numbers:
            return None
        return numbers["new_rows"], numbers["champion_new_rows_mse_usd2"], self.first_mse


def summary(nights: Sequence[Replayed]) -> str:
    """What happened, as Markdown: how the nights ended, what retraining was worth, and each night's warnings."""
    counts = Counter(night.report.ending.name.lower() for night in nights)
    parts = [
        f"# {len(nights)} nights, {nights[0].date} to {nights[-1].date}",
        "\n".join(f"- {ending}: {count}" for ending, count in counts.most_common()),
    ]
    known = [night.newcomers for night in nights if night.newcomers]
    if known:
        rows, ours, never = np.array(known).T
        parts.append(
            f"On the {rows.sum():,.0f} rows that came in these nights, none of which it had seen, the champion's RMSE"
            f" is {math.sqrt(np.average(ours, weights=rows)):,.0f} USD; had the first model stayed,"
            f" {math.sqrt(np.average(never, weights=rows)):,.0f} USD."
        )
    parts.append("RMSE in USD: champion's and challenger's on the test rows; champion's and first model's on the new.")
    lines = [f"| {TITLES} |", "|" + " --- |" * len(TITLES.split("|")), *map(_line, nights)]
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def _line(night: Replayed) -> str:
    """A night's line of the table; what it does not know is empty."""
    found = night.report.record
    numbers = {**(found.numbers if found else {}), "first_mse_usd2": night.first_mse}
    errors = [numbers.get(f"{name}_mse_usd2") for name in ("champion", "challenger", "champion_new_rows", "first")]
    cells = [
        str(night.date),
        night.report.ending.name.lower(),
        *(f"{numbers[name]:,.0f}" if name in numbers else "" for name in ("rows", "new_rows")),
        *("" if error is None else f"{math.sqrt(error):,.0f}" for error in errors),
        "; ".join(map(str, (*found.breaches, *found.warnings))) if found else "",
    ]
    return f"| {' | '.join(cells)} |"


def picture(nights: Sequence[Replayed]) -> str:
    """The decisions, the warnings, and both models' errors on the new rows of the last nights."""
    marks = [
        Mark(
            night.date,
            night.report.ending.name.lower(),
            accepted=night.report.ending in ACCEPTED,
            warned=bool(night.report.record and night.report.record.warnings),
        )
        for night in nights
    ]
    lines: dict[str, list[tuple[datetime.date, float]]] = {"retrained nightly": [], "never retrained": []}
    known = [(night.date, night.newcomers) for night in nights if night.newcomers]
    for last in range(len(known)):
        window = np.array([numbers for _, numbers in known[max(0, last + 1 - WINDOW) : last + 1]])
        for points, errors in zip(lines.values(), window.T[1:], strict=True):
            points.append((known[last][0], math.sqrt(np.average(errors, weights=window[:, 0]))))
    label = f"RMSE in USD on rows that the model had never seen, of the last {WINDOW} nights"
    return to_svg(marks, lines, title="What the nights decided, and what retraining was worth", label=label)
