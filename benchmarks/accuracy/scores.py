"""The methods' errors on the future rows of each cut-off, as Markdown tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.backtest.error_ratio import Pair, error_ratio, geometric_mean
from pipeline.evaluation.metrics import r2
from pipeline.evaluation.noise_floor import NoiseFloor

OURS = "full"
SEEDED = "full, mean over seeds 1 to 5"
TUNED = "full, tuned as the rivals"


@dataclass(frozen=True)
class Scores:
    """One cut-off: each method's predictions of the future rows (several, if it was fitted with several seeds).

    Shape: target (rows,) and predictions (fits, rows) in US dollars; cells (rows,).
    """

    train_rows: int
    target: np.ndarray
    cells: np.ndarray
    floor: NoiseFloor | None
    predictions: Mapping[str, np.ndarray]

    def errors(self, method: str) -> np.ndarray:
        """Squared errors, in USD²; of several fits, their mean. Shape: (rows,)."""
        errors: np.ndarray = ((self.predictions[method] - self.target) ** 2).mean(axis=0)
        return errors

    def mse(self, method: str) -> float:
        """The mean squared error, in USD²."""
        return float(self.errors(method).mean())

    def level(self, method: str) -> float:
        """The mean error, in USD: what all predictions are too high by. Of several fits, the mean."""
        return float((self.predictions[method] - self.target).mean())

    def shape_mse(self, method: str) -> float:
        """The variance of the errors, in USD²: the mean squared error without the squared level. Of fits, the mean."""
        return float((self.predictions[method] - self.target).var(axis=1).mean())

    def r2(self, method: str) -> float:
        """The share of the variance explained; of several fits, the mean."""
        return float(np.mean([r2(fit, self.target) for fit in self.predictions[method]]))

    def above_floor(self) -> float | None:
        """Our mean squared error / the noise floor, on the rows where that is known."""
        return float(self.errors(OURS)[self.floor.known].mean() / self.floor.mse) if self.floor else None


def report(scores: Mapping[str, Scores], *, methods: Sequence[str], tuned: Mapping[str, float]) -> str:
    """Each cut-off's mean squared errors as multiples of ours, level and shape, the scores, and ours against the best.

    tuned: of each rival, what forward validation says of it; the least is the one to choose.
    """
    cut_offs = [*scores.values()]
    chosen = min(tuned, key=tuned.__getitem__)
    return "\n".join(
        [
            *comparison(scores, methods=methods, bold=chosen),
            _row("noise floor, where known", *_floors(cut_offs)),
            "",
            *_header("MSE, USD² · RMSE, USD · R²", *scores),
            *(_row(method, *(_scores(cut_off, method) for cut_off in cut_offs)) for method in methods),
            "",
            *_header(f"level, USD · MSE without it / {OURS}'s", *scores, "all"),
            *(_row(method, *_level_and_shape(method, cut_offs)) for method in methods),
            "",
            *(
                f"{ours} / {words}: {ratio_with_interval(pairs)}"
                for ours in (OURS, SEEDED)
                for words, pairs in (
                    (f"{chosen}, which forward validation chooses", [(one, ours, chosen) for one in cut_offs]),
                    ("the best rival in hindsight", [(one, ours, min(tuned, key=one.mse)) for one in cut_offs]),
                )
            ),
        ]
    )


def comparison(scores: Mapping[str, Scores], *, methods: Sequence[str], bold: str | None = None) -> list[str]:
    """A table of the mean squared errors as multiples of ours."""
    cut_offs = [*scores.values()]
    return [
        *_header(f"MSE / {OURS}'s", *scores, "all"),
        _row("rows to train on", *(f"{cut_off.train_rows:,}" for cut_off in cut_offs), ""),
        _row("rows to score on", *(f"{len(cut_off.target):,}" for cut_off in cut_offs), ""),
        *(
            _row(f"**{method}**" if method == bold else method, *_compared_with_ours(method, cut_offs))
            for method in methods
        ),
    ]


def ratio_with_interval(pairs: Sequence[tuple[Scores, str, str]]) -> str:
    """Mean squared error of a method / of another, with its 95 % interval; of several cut-offs, the geometric mean."""
    found = error_ratio(
        [Pair(cut_off.errors(method), cut_off.errors(other), cut_off.cells) for cut_off, method, other in pairs]
    )
    return f"{found.value:.3f} ({found.low:.2f}–{found.high:.2f})"


def _compared_with_ours(method: str, cut_offs: Sequence[Scores]) -> list[str]:
    if method == OURS or not all(method in cut_off.predictions for cut_off in cut_offs):
        return ["1" if method == OURS else "not installed"] * (len(cut_offs) + 1)
    each = [ratio_with_interval([(cut_off, method, OURS)]) for cut_off in cut_offs]
    return [*each, ratio_with_interval([(cut_off, method, OURS) for cut_off in cut_offs])]


def _level_and_shape(method: str, cut_offs: Sequence[Scores]) -> list[str]:
    """How much too high a method is, and its error without that as a multiple of ours; of all, the geometric mean."""
    if not all(method in cut_off.predictions for cut_off in cut_offs):
        return ["not installed"] * (len(cut_offs) + 1)
    shapes = [cut_off.shape_mse(method) / cut_off.shape_mse(OURS) for cut_off in cut_offs]
    each = [f"{cut_off.level(method):+,.0f} · {shape:.3f}" for cut_off, shape in zip(cut_offs, shapes, strict=True)]
    return [*each, f"{geometric_mean(shapes):.3f}"]


def _floors(cut_offs: Sequence[Scores]) -> list[str]:
    """The noise floor / our error on the same rows, and their share; of all cut-offs, the geometric mean."""
    shown, all_above = [], []
    for cut_off in cut_offs:
        above = cut_off.above_floor()
        if above is None or cut_off.floor is None:
            shown.append("unknown")
        else:
            shown.append(f"{1 / above:.3f} ({cut_off.floor.known.mean():.0%} of rows)")
            all_above.append(above)
    return [*shown, f"{1 / geometric_mean(all_above):.3f}" if all_above else "unknown"]


def _scores(cut_off: Scores, method: str) -> str:
    if method not in cut_off.predictions:
        return "not installed"
    return f"{cut_off.mse(method):.3e} · {math.sqrt(cut_off.mse(method)):,.0f} · {cut_off.r2(method):.3f}"


def _header(*cells: str) -> list[str]:
    return [_row(*cells), "|" + "---|" * len(cells)]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
