"""How models age: their error on rows of later nights, by their age; and what their test scores foretold of it."""

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.bootstrap import interval, redrawn

AGES = (1, 4, 12, 26)
"""In weeks, from the night that accepted the model to the night whose new rows it predicts."""
HORIZON = 4  # weeks after a model's night, whose new rows its test score is held against
BLOCK = 8
"""Nights of so many weeks are drawn together: neighbours have much in common, their rows' level of pay and models."""
LEAST_BLOCKS = 8  # of fewer, a bootstrap's interval is too narrow
SEED = 1


@dataclass(frozen=True)
class NewRows:
    """The rows that a night added, and the mean squared errors on them: the champion's, and by their dates models'."""

    date: datetime.date
    rows: float
    champion_mse: float
    mse: Mapping[datetime.date, float]


@dataclass(frozen=True)
class Estimate:
    """A number over some nights or models, and its 95 % interval; None if they are too few for one."""

    value: float
    count: int
    interval: tuple[float, float] | None

    def beyond(self, neutral: float) -> int:
        """1 if the whole interval lies above the neutral value, -1 if below; 0 if it holds it, or if there is none."""
        low, high = self.interval or (neutral, neutral)
        return int(low > neutral) - int(high < neutral)


@dataclass(frozen=True)
class AtAge:
    """Models at least so many weeks old: their mean age in weeks, how many new rows they predicted, their error.

    The ratio is the sum of their squared errors over that of each night's champion, on the same rows.
    """

    weeks: int
    mean_weeks: float
    rows: float
    ratio: Estimate


def newest(models: Collection[datetime.date], night: datetime.date, *, weeks: int) -> datetime.date | None:
    """The night of the newest model that is at least so many weeks old; None if there is none."""
    return max((model for model in models if model <= night - datetime.timedelta(weeks=weeks)), default=None)


def models_to_score(models: Collection[datetime.date], night: datetime.date) -> set[datetime.date]:
    """The nights of the models that the night's new rows tell something of: the newest of each age, and all young."""
    young = {model for model in models if model >= night - datetime.timedelta(weeks=HORIZON)}
    return young | {model for weeks in AGES if (model := newest(models, night, weeks=weeks))}


def by_age(nights: Sequence[NewRows]) -> list[AtAge]:
    """The models' errors at each age that one of them has come to, as multiples of the champions'."""
    found = []
    for weeks in AGES:
        pairs = [(night, model) for night in nights if (model := newest(night.mse, night.date, weeks=weeks))]
        if pairs:
            rows, ours, theirs, days = np.array(
                [
                    (night.rows, night.mse[model], night.champion_mse, (night.date - model).days)
                    for night, model in pairs
                ]
            ).T  # each (nights,)
            ratio = ratio_of_sums(rows * ours, rows * theirs, blocks=blocks([night.date for night, _ in pairs]))
            found.append(AtAge(weeks, float(days.mean()) / 7, float(rows.sum()), ratio))
    return found


def foretold(nights: Sequence[NewRows], test_mse: Mapping[datetime.date, float]) -> Estimate | None:
    """The rank correlation of models' test scores with their errors on all rows of the weeks to come.

    test_mse: by the models' nights. Models whose `HORIZON` is not over yet do not count.
    None if fewer than two do, or if all have the same score or error.
    """
    later = {model: _later_mse(nights, model) for model in sorted(test_mse)}
    known = [(model, test_mse[model], error) for model, error in later.items() if error is not None]
    if not known:
        return None
    models, scores, errors = zip(*known, strict=True)
    estimate = rank_correlation(np.array(scores), np.array(errors), blocks=blocks(models))
    return estimate if np.isfinite(estimate.value) else None


def _later_mse(nights: Sequence[NewRows], model: datetime.date) -> float | None:
    """The model's mean squared error on all rows of its horizon; None if that is not over, or brought no rows."""
    end = model + datetime.timedelta(weeks=HORIZON)
    scored = [(night.mse[model], night.rows) for night in nights if model in night.mse and night.date <= end]
    if not scored or nights[-1].date < end:
        return None
    errors, rows = np.array(scored).T  # each (nights,)
    return float(np.average(errors, weights=rows))


def blocks(dates: Sequence[datetime.date]) -> np.ndarray:
    """The number of each date's block of `BLOCK` weeks, from the first date on. Shape: (dates,)."""
    days = np.array([date.toordinal() for date in dates])
    numbers: np.ndarray = (days - days.min()) // (7 * BLOCK)
    return numbers


def ratio_of_sums(ours: np.ndarray, theirs: np.ndarray, *, blocks: np.ndarray) -> Estimate:
    """The sum of our squared errors over that of theirs. Shape: all (nights,), sums over each night's rows."""
    return _estimate(np.stack([ours, theirs], axis=1), lambda sums: sums[:, 0] / sums[:, 1], blocks=blocks)


def rank_correlation(one: np.ndarray, other: np.ndarray, *, blocks: np.ndarray) -> Estimate:
    """Spearman's correlation, NaN if either is constant: of ranks, as a few large salaries make some errors huge.

    Shape: all (models,).
    Source: scipy.stats.spearmanr, whose definition it follows: Pearson's correlation of the ranks.
    """
    x, y = ranks(one), ranks(other)
    return _estimate(np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1), _pearson, blocks=blocks)


def ranks(values: np.ndarray) -> np.ndarray:
    """From 1 for the smallest; equal values share the mean of their ranks. Shape: (values,), returns the same.

    >>> ranks(np.array([30.0, 10.0, 30.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return shared


def _pearson(sums: np.ndarray) -> np.ndarray:
    """Pearson's correlation from the sums of 1, x, y, x², y², xy. Shape: (draws, 6); returns (draws,)."""
    n, x, y, xx, yy, xy = sums.T  # of ranks: sums of quarters, which are exact
    with np.errstate(invalid="ignore"):  # NaN where x or y is constant
        correlation: np.ndarray = (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))
    return correlation


def _estimate(terms: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, blocks: np.ndarray) -> Estimate:
    """A statistic of the terms' sums, and its interval by a bootstrap of whole blocks. Shape: terms (nights, terms)."""
    _, numbered = np.unique(blocks, return_inverse=True)
    sums = np.stack([np.bincount(numbered, weights=term) for term in terms.T], axis=1)  # (blocks, terms)
    (value,) = statistic(sums.sum(axis=0, keepdims=True)).tolist()
    if len(sums) < LEAST_BLOCKS or not np.isfinite(value):
        return Estimate(value, len(terms), None)
    draws = statistic(redrawn(sums, rng=np.random.default_rng(SEED)))
    low, high = interval(draws[np.isfinite(draws), np.newaxis])
    return Estimate(value, len(terms), (float(low[0]), float(high[0])))
