"""Intervals around predictions, by split-conformal calibration on the validation rows.

An error counts as a share of the prediction plus an offset (large targets vary more, but less than in proportion),
divided by the usual share of the row's group: in some groups the target varies more for its size than in others. The
groups' shares are learnt from the training rows, which are many; how wide the intervals are is what the validation rows
need, above and below apart, and WIDENING times that. So both tails are even, and small groups borrow from all.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pipeline.data.schema import LARGEST, SMALLEST, STEP

PERCENTS = (80, 95)
WIDENING = 1.05  # errors on the rows of tomorrow are larger than on today's: measured in docs/quality.md
OFFSET_SHARE = 0.5  # of the mean prediction: the lowest tenth of all predictions is covered as often as the others
MIN_HALF_WIDTH = 0.5  # in UNIT; the ends are rounded outwards from there, so no interval is without width
PRIOR_ROWS = 30  # a group's share starts from that of all rows, as if it had been seen so often


@dataclass(frozen=True)
class PredictedRows:
    """Rows with their predictions: the predicted and the actual target in UNIT, and the code of each row's group.

    Shape: each (rows,).
    """

    prediction: np.ndarray
    actual: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Intervals:
    """What it takes to put an interval around a prediction.

    `shares` holds the mean error of each group's code, as a share of the prediction plus `offset`, in UNIT. `quantiles`
    holds, by percent, how many times that an interval reaches below and above the prediction: the conformal quantiles
    of the validation rows' scores, widened. An infinite one is one that the validation rows were too few to know.

    Source: Papadopoulos et al., "Inductive Confidence Machines for Regression" (2002), with a normalised score; Lei et
    al., "Distribution-Free Predictive Inference for Regression" (2018); both tails apart as in Romano et al.,
    "Conformalized Quantile Regression" (2019).
    """

    shares: tuple[float, ...]
    offset: float
    quantiles: Mapping[int, tuple[float, float]]

    @property
    def uncalibrated(self) -> tuple[int, ...]:
        """The percents whose intervals are as wide as the contract allows: the validation rows were too few."""
        return tuple(percent for percent, ends in self.quantiles.items() if math.inf in ends)

    def around(self, prediction: np.ndarray, *, group: np.ndarray, percent: int) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper end, whole numbers of UNIT within the data contract's bounds, the prediction between.

        They are rounded outwards, so no interval is without width.
        Shape: prediction (rows,) in UNIT, within the bounds, and group (rows,); returns two (rows,).

        >>> intervals = Intervals(shares=(0.3, 0.2), offset=50_000.0, quantiles={80: (1.0, 1.5)})
        >>> low, high = intervals.around(np.array([100_000.0]), group=np.array([1]), percent=80)
        >>> low.tolist(), high.tolist()
        ([70000.0], [145000.0])
        """
        low, high = self.ends(prediction, group=group, percent=percent)
        return np.floor(low).clip(SMALLEST, LARGEST), np.ceil(high).clip(SMALLEST, LARGEST)

    def ends(self, prediction: np.ndarray, *, group: np.ndarray, percent: int) -> tuple[np.ndarray, np.ndarray]:
        """What `around` rounds and bounds. Shape: prediction and group (rows,); returns two (rows,)."""
        below, above = self.quantiles[percent]
        usual_error = _scale(prediction, self.offset) * np.array(self.shares)[group]  # (rows,), in UNIT
        low = prediction - np.maximum(below * usual_error, MIN_HALF_WIDTH)
        high = prediction + np.maximum(above * usual_error, MIN_HALF_WIDTH)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; an infinite quantile is null."""
        quantiles = {
            str(percent): [None if math.isinf(end) else end for end in ends] for percent, ends in self.quantiles.items()
        }
        return {"shares": list(self.shares), "offset": self.offset, "quantiles": quantiles}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The intervals that `to_dict` wrote."""
        quantiles = {
            int(percent): (math.inf if below is None else below, math.inf if above is None else above)
            for percent, (below, above) in fields["quantiles"].items()
        }
        return cls(tuple(fields["shares"]), fields["offset"], quantiles)


def calibrate(*, train: PredictedRows, valid: PredictedRows, groups: int) -> Intervals:
    """Learn the groups' shares from the training rows and the quantiles from the validation rows.

    `groups` says how many codes a group can have. A group without training rows gets the share of all. Rows that are
    copies of each other are no draws of their own: where a recipe counts them once, give the validation rows once.
    """
    offset = OFFSET_SHARE * math.fsum(train.prediction.tolist()) / len(train.prediction)
    shares = _group_shares(train, groups, offset)
    # the conformity score of a row: (actual - predicted) / ((predicted + offset) · its group's share), (rows,)
    score = (valid.actual - valid.prediction) / (_scale(valid.prediction, offset) * np.array(shares)[valid.group])
    # an interval of 1 - alpha leaves out alpha / 2 at either end: 0.1 for 80 %
    tails = {percent: (1 - percent / 100) / 2 for percent in PERCENTS}
    quantiles = {
        percent: (WIDENING * quantile(-score, 1 - tail), WIDENING * quantile(score, 1 - tail))
        for percent, tail in tails.items()
    }
    return Intervals(shares, offset, quantiles)


def quantile(scores: np.ndarray, level: float) -> float:
    """The conformal quantile: what a new score stays at or below with a probability of at least `level`.

    It is the k-th smallest of n scores, k = ceil((n + 1) · level), and infinite if k > n: each rank among all n + 1 is
    equally likely for the new score.

    Shape: (n,).
    Source: Lei et al. (2018), theorem 2.2.

    >>> quantile(np.arange(1.0, 10.0), 0.8), quantile(np.arange(1.0, 10.0), 0.95)
    (8.0, inf)
    """
    k = math.ceil(round((len(scores) + 1) * level, 9))  # 0.9 is stored a bit too large or too small
    return float(np.sort(scores)[k - 1]) if k <= len(scores) else math.inf


def _scale(prediction: np.ndarray, offset: float) -> np.ndarray:
    """What errors are shares of, at least STEP. Shape: (rows,)."""
    scale: np.ndarray = np.maximum(prediction + offset, STEP)
    return scale


def _group_shares(rows: PredictedRows, groups: int, offset: float) -> tuple[float, ...]:
    """The mean of |error| / (prediction + offset) by group, each drawn to that of all rows."""
    share = np.abs(rows.actual - rows.prediction) / _scale(rows.prediction, offset)  # (rows,)
    mean = math.fsum(share.tolist()) / len(share) or 1.0  # of a model without any error, too, shares are above 0
    by_group = [share[rows.group == code] for code in range(groups)]  # each (rows of the group,)
    # as if PRIOR_ROWS rows with the mean share stood in each group: (sum + PRIOR_ROWS · mean) / (rows + PRIOR_ROWS)
    return tuple((math.fsum(part.tolist()) + PRIOR_ROWS * mean) / (len(part) + PRIOR_ROWS) for part in by_group)
