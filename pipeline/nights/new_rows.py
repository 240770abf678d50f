"""How tonight's new rows differ from those before them, and from what the champion expects of them.

A night's rows are a few per cent of a table, too few to move a measure of all of it. Each measure here says what it is,
and what it is at least, beyond chance. Rows that are equal in all features count as one draw: many are copies, or the
two ends of one advertisement's pay band.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.raw_table import Table, new_rows
from pipeline.data.schema import FEATURES, in_unit
from pipeline.evaluation.bootstrap import redrawn
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.inference.predictions import distinct, predict_distinct
from pipeline.model.bundle import Bundle
from pipeline.nights.drift import Measure

BIAS = "new_rows_bias_z"  # how much higher the new rows' target is than the champion expected, in standard errors
PERCENT = 80  # the interval whose coverage is counted
SEED = 2
ALLOWANCE, MOST = 0.25, 3.0  # standard errors that a night's bias takes off, or adds to, the cumulative sum


@dataclass(frozen=True)
class Expected:
    """Rows, and what a model expected of them. Shape: each (rows,). Units: amounts are in the target's unit.

    `inside` says whether the target lies in the model's interval. Rows that are equal in all features have the same
    number in `groups`, from 0 on.
    """

    actual: np.ndarray
    predicted: np.ndarray
    inside: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, bundle: Bundle, table: Table, positions: np.ndarray) -> "Expected":
        """What the model expected of these rows of a table; NaN where it has no finite prediction."""
        found, groups = predict_distinct(bundle, table.rows.take(pa.array(positions)))
        low, high = (ends[groups] for ends in found.intervals[PERCENT])
        actual = table.target[positions]
        return cls(actual, found.predicted[groups], (low <= actual) & (actual <= high), groups)

    @property
    def draws(self) -> int:
        """How many rows there are, those that are equal in all features counted once."""
        return int(self.groups.max(initial=-1)) + 1


def measure_new_rows(
    before: Table,
    after: Table,
    champion: Bundle | None,
    *,
    limits: params.Drift,
    earlier_bias: Sequence[float],
    least_rows: int = 1,
) -> tuple[list[Measure], dict[str, float]]:
    """What the rows say that the later table has more than the earlier: measures, if they are enough, and numbers.

    earlier_bias: the accepted nights' biases in standard errors, oldest first. least_rows: of fewer only their number
    is told, as the mean of one is that one.
    """
    new = new_rows(before, after)  # (new rows,) positions
    numbers: dict[str, float] = {"new_rows": len(new)}
    enough = len(new) >= max(limits.min_new_rows, least_rows)
    measures = [*unseen_values(before, after, new, confidence=limits.confidence)] if enough else []
    if champion and len(new) >= least_rows:
        came = Expected.of(champion, after, new)
        test = Expected.of(champion, before, before.positions("test"))
        numbers[in_unit("champion_new_rows_mse", power=2)] = mean_squared_error(came.predicted, came.actual)
        if enough and min(came.draws, test.draws) > 1:
            most = limits.warn.bias_over_nights
            confidence = limits.confidence
            measures += of_what_was_expected(came, test, confidence=confidence, earlier_bias=earlier_bias, most=most)
            share, deviation = bias(came)
            numbers |= {in_unit("new_rows_bias"): float(share * came.actual.mean()), BIAS: share / deviation}
    return measures, numbers


def unseen_values(before: Table, after: Table, new: np.ndarray, *, confidence: float) -> Iterator[Measure]:
    """By feature, the share of the new rows with a value that no row of yesterday's table has."""
    rows = after.rows.select(list(FEATURES)).take(pa.array(new))
    _, groups = distinct(rows)
    draws = int(groups.max(initial=-1)) + 1
    for name in FEATURES:
        known = pa.compute.is_in(rows[name].dictionary, value_set=before.rows[name].unique().dictionary)
        share = float(np.mean(~known.to_numpy(zero_copy_only=False)[rows[name].indices.to_numpy()]))
        yield Measure("unseen_values", name, share, least=wilson(share, draws, confidence=confidence)[0])


def of_what_was_expected(
    new: Expected, test: Expected, *, confidence: float, earlier_bias: Sequence[float], most: float | None
) -> Iterator[Measure]:
    """The champion's bias, its error and its coverage on the new rows, and its bias over the nights.

    - new_rows_bias: the mean error, as a share of the mean target;
    - new_rows_error: the root mean squared error, over that on the test rows that it was accepted with;
    - new_rows_coverage: how much less often than it says the target lies in the interval;
    - bias_over_nights: the larger of the two cumulative sums of `cumulative_bias`, restarted beyond `most`.
    """
    share, deviation = bias(new)
    yield Measure("new_rows_bias", "", abs(share), least=_least(abs(share), deviation, confidence))
    ours, theirs = (rows.predicted - rows.actual for rows in (new, test))
    ratio = float(np.sqrt((ours**2).mean() / (theirs**2).mean()))
    yield Measure("new_rows_error", "", ratio, least=_least_ratio(new, test, confidence=confidence))
    inside = float(new.inside.mean())
    _, highest = wilson(inside, new.draws, confidence=confidence)
    yield Measure("new_rows_coverage", "", PERCENT / 100 - inside, least=PERCENT / 100 - highest)
    yield Measure("bias_over_nights", "", cumulative_bias([*earlier_bias, share / deviation], most=most))


def bias(rows: Expected) -> tuple[float, float]:
    """How much higher the targets are than expected, as a share of their mean, and the standard error of that.

    Source: the standard error of a mean of clusters, Cochran, "Sampling Techniques" (1977), chapter 9.
    """
    errors = rows.actual - rows.predicted  # (rows,)
    of_groups = np.bincount(rows.groups, weights=errors - errors.mean())  # (draws,), 0 on average
    variance = rows.draws / (rows.draws - 1) * math.fsum(of_groups**2) / len(errors) ** 2
    mean = math.fsum(rows.actual) / len(errors)
    return math.fsum(errors) / len(errors) / mean, max(math.sqrt(variance) / mean, np.finfo(float).tiny)


def cumulative_bias(standard_errors: Sequence[float], *, most: float | None) -> float:
    """How far the bias has gone one way over the nights, each night's in standard errors.

    It is the larger of two sums, one for each direction. A night adds its bias less ALLOWANCE, at most MOST, so that no
    night alone is beyond the limit; no sum falls below 0. Both start anew after a night beyond `most`.
    Source: Page, "Continuous Inspection Schemes" (1954).

    >>> cumulative_bias([1.25, 1.25, 1.25], most=8.0), cumulative_bias([1.25, -3.0], most=8.0)
    (3.0, 2.75)
    """
    up = down = 0.0
    for night in standard_errors:
        if most is not None and max(up, down) > most:
            up = down = 0.0
        up = max(0.0, up + min(night, MOST) - ALLOWANCE)
        down = max(0.0, down + min(-night, MOST) - ALLOWANCE)
    return max(up, down)


def wilson(share: float, draws: int, *, confidence: float) -> tuple[float, float]:
    """The ends of the interval around a share of so many draws, each passed by the true share with 1 - confidence.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927).

    >>> [round(end, 3) for end in wilson(0.3, 100, confidence=0.975)]
    [0.219, 0.396]
    """
    z2 = NormalDist().inv_cdf(confidence) ** 2
    middle, half = share + z2 / (2 * draws), math.sqrt(z2 * (share * (1 - share) / draws + z2 / (4 * draws**2)))
    return (middle - half) / (1 + z2 / draws), (middle + half) / (1 + z2 / draws)


def _least(effect: float, deviation: float, confidence: float) -> float:
    """What an effect in either direction is at least, beyond chance."""
    return max(0.0, effect - NormalDist().inv_cdf((1 + confidence) / 2) * deviation)


def _least_ratio(new: Expected, test: Expected, *, confidence: float) -> float:
    """The lower end of the ratio of the root mean squared errors: both sets of rows are drawn anew."""
    rng = np.random.default_rng(SEED)
    draws = [_mean_squares(rows, rng) for rows in (new, test)]  # each (ROUNDS,)
    return float(np.sqrt(np.quantile(draws[0] / draws[1], 1 - confidence)))


def _mean_squares(rows: Expected, rng: np.random.Generator) -> np.ndarray:
    squares = (rows.predicted - rows.actual) ** 2
    sums = np.stack([np.bincount(rows.groups, weights=column) for column in (squares, np.ones_like(squares))], axis=1)
    total, count = redrawn(sums, rng=rng).T
    mean: np.ndarray = total / count
    return mean
