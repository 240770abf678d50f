"""The methods' errors on the future rows of each cut-off, as Markdown tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.future_rows import geometric_mean, interval, ratios
from pipeline.evaluation.metrics import r2
from pipeline.evaluation.noise_floor import NoiseFloor

OURS = "full"
SEEDED = "full, mean over seeds 1 to 5"


@dataclass(frozen=True)
class Scores:
    """One cut-off: each method's predictions of the future rows (several, if it was fitted with several seeds).

    Shape: target (rows,) and predictions (fits, rows) in US dollars; cells (rows,). `tuned` has the mean squared error
    of each rival on the validation rows, in USD².
    """

    train_rows: int
    target: np.ndarray
    cells: np.ndarray
    floor: NoiseFloor | None
    predictions: Mapping[str, np.ndarray]
    tuned: Mapping[str, float]

    def errors(self, method: str) -> np.ndarray:
        """Squared errors, in USD²; of several fits, their mean. Shape: (rows,)."""
        errors: np.ndarray = ((self.predictions[method] - self.target) ** 2).mean(axis=0)
        return errors

    def mse(self, method: str) -> float:
        """The mean squared error, in USD²."""
        return float(self.errors(method).mean())

    def r2(self, method: str) -> float:
        """The share of the variance explained; of several fits, the mean."""
        return float(np.mean([r2(fit, self.target) for fit in self.predictions[method]]))

    def above_floor(self) -> float | None:
        """Our mean squared error / the noise floor, on the rows where that is known."""
        return float(self.errors(OURS)[self.floor.known].mean() / self.floor.mse) if self.floor else None

    def picked(self) -> str:
        """The rival that the validation rows would have one choose."""
        return min(self.tuned, key=self.tuned.__getitem__)

    def best(self) -> str:
        """The rival that turned out best: an opponent that nobody can choose in advance."""
        return min(self.tuned, key=self.mse)


def report(scores: Mapping[str, Scores], *, methods: Sequence[str]) -> str:
    """Each cut-off's mean squared errors as multiples of ours, the scores themselves, and ours against the best."""
    weeks = [*scores.values()]
    return "\n".join(
        [
            *comparison(scores, methods=methods),
            _row("noise floor, where known", *_floors(weeks)),
            "",
            *_header("MSE, USD² · RMSE, USD · R²", *scores),
            *(_row(method, *(_scores(week, method) for week in weeks)) for method in methods),
            "",
            *(
                f"{ours} / {words}: {compared([(week, ours, which(week)) for week in weeks])}"
                for ours in (OURS, SEEDED)
                for words, which in (
                    ("the rival that the validation rows choose", Scores.picked),
                    ("the best rival in hindsight", Scores.best),
                )
            ),
        ]
    )


def comparison(scores: Mapping[str, Scores], *, methods: Sequence[str]) -> list[str]:
    """A table of the mean squared errors as multiples of ours; bold is the rival that the validation rows choose."""
    weeks = [*scores.values()]
    return [
        *_header(f"MSE / {OURS}'s", *scores, "all"),
        _row("rows to train on", *(f"{week.train_rows:,}" for week in weeks), ""),
        _row("rows to score on", *(f"{len(week.target):,}" for week in weeks), ""),
        *(_row(method, *_compared_with_ours(method, weeks)) for method in methods),
    ]


def compared(pairs: Sequence[tuple[Scores, str, str]]) -> str:
    """Mean squared error of a method / of another, with its 95 % interval; of several cut-offs, the geometric mean."""
    ratio = geometric_mean([week.mse(method) / week.mse(other) for week, method, other in pairs])
    rng = np.random.default_rng(0)
    draws = [
        ratios(week.errors(method), week.errors(other), groups=week.cells, rng=rng) for week, method, other in pairs
    ]
    low, high = interval(geometric_mean(draws))
    return f"{ratio:.3f} ({low:.2f}–{high:.2f})"


def _compared_with_ours(method: str, weeks: Sequence[Scores]) -> list[str]:
    if method == OURS or not all(method in week.predictions for week in weeks):
        return ["1" if method == OURS else "not installed"] * (len(weeks) + 1)
    each = [compared([(week, method, OURS)]) for week in weeks]
    picked = [method in week.tuned and week.picked() == method for week in weeks]
    marked = [f"**{cell}**" if bold else cell for cell, bold in zip(each, picked, strict=True)]
    return [*marked, compared([(week, method, OURS) for week in weeks])]


def _floors(weeks: Sequence[Scores]) -> list[str]:
    """The noise floor / our error on the same rows, and their share; of all cut-offs, the geometric mean."""
    shown, all_above = [], []
    for week in weeks:
        above = week.above_floor()
        if above is None or week.floor is None:
            shown.append("unknown")
        else:
            shown.append(f"{1 / above:.3f} ({week.floor.known.mean():.0%} of rows)")
            all_above.append(above)
    return [*shown, f"{1 / geometric_mean(all_above):.3f}" if all_above else "unknown"]


def _scores(week: Scores, method: str) -> str:
    if method not in week.predictions:
        return "not installed"
    return f"{week.mse(method):.3e} · {math.sqrt(week.mse(method)):,.0f} · {week.r2(method):.3f}"


def _header(*cells: str) -> list[str]:
    return [_row(*cells), "|" + "---|" * len(cells)]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
