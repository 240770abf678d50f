"""How two models compare on the same rows: the ratio of their mean squared errors, and what chance may make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.bootstrap import interval, resampled


@dataclass(frozen=True)
class Pair:
    """Squared errors of two models on the same rows, and the rows' groups, numbered from 0. Shape: each (rows,)."""

    errors: np.ndarray
    others: np.ndarray
    groups: np.ndarray

    @property
    def ratio(self) -> float:
        """The one mean squared error / the other."""
        return float(self.errors.mean() / self.others.mean())


@dataclass(frozen=True)
class Ratio:
    """A mean squared error / another, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def smaller(self) -> bool:
        """Whether the one error is the smaller one, beyond chance."""
        return self.high < 1

    @property
    def larger(self) -> bool:
        """Whether it is the larger one, beyond chance."""
        return self.low > 1

    def __str__(self) -> str:
        """The ratio and its interval, such as `0.985 (0.970–1.001)`."""
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def error_ratio(pairs: Sequence[Pair]) -> Ratio:
    """The ratio, with the interval of a paired bootstrap; of several tables, the geometric mean."""
    rng = np.random.default_rng(0)
    draws = geometric_mean([ratios(pair, rng=rng) for pair in pairs])  # (draws,)
    low, high = interval(draws)
    return Ratio(float(geometric_mean([pair.ratio for pair in pairs])), float(low), float(high))


def ratios(pair: Pair, *, rng: np.random.Generator) -> np.ndarray:
    """What the ratio might have been, had other rows come: bootstrap draws of it. Shape: returns (draws,)."""
    ours, theirs = resampled(pair.errors, pair.others, groups=pair.groups, rng=rng)
    draws: np.ndarray = ours / theirs
    return draws


def geometric_mean(ratios: Sequence[float] | Sequence[np.ndarray]) -> np.ndarray:
    """The mean of ratios that treats 1/2 and 2 alike. Shape: (ratios, ...); returns (...,)."""
    mean: np.ndarray = np.exp(np.log(ratios).mean(axis=0))
    return mean
