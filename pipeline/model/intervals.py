"""Intervals around predictions, by split-conformal calibration on the validation rows.

An error counts as a share of the prediction (high salaries vary more), divided by the usual share of the row's group,
such as its experience level (juniors vary more for their pay). The groups' shares are learnt from the training rows,
which are many; how far the intervals reach is what the validation rows need, above and below apart. So both tails are
even, and small groups borrow from all.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pipeline.data.schema import LARGEST, SMALLEST

PERCENTS = (80, 95)
SMALLEST_SCALE = 10_000  # US dollars: below that a lower prediction makes no narrower interval
PRIOR_ROWS = 30  # a group's share starts from that of all rows, as if it had been seen so often


@dataclass(frozen=True)
class Outcomes:
    """Predicted and actual salaries in US dollars, and the code of each row's group. Shape: each (rows,)."""

    prediction: np.ndarray
    actual: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Intervals:
    """What it takes to put an interval around a prediction.

    `shares` holds the mean error of each group's code as a share of the prediction; `reach` how many of them an
    interval reaches below and above the prediction, by percent. An infinite reach is one that the validation rows were
    too few to know.

    Source: Papadopoulos et al., "Inductive Confidence Machines for Regression" (2002), with a normalised score; Lei et
    al., "Distribution-Free Predictive Inference for Regression" (2018); both tails apart as in Romano et al.,
    "Conformalized Quantile Regression" (2019).
    """

    shares: tuple[float, ...]
    reach: Mapping[int, tuple[float, float]]

    def around(self, prediction: np.ndarray, *, group: np.ndarray, percent: int) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper end in US dollars, within what the data contract allows.

        Shape: prediction (rows,) in US dollars and group (rows,); returns two (rows,).

        >>> intervals = Intervals(shares=(0.3, 0.2), reach={80: (1.0, 1.5)})
        >>> low, high = intervals.around(np.array([100_000.0]), group=np.array([1]), percent=80)
        >>> low.tolist(), high.tolist()
        ([80000.0], [130000.0])
        """
        below, above = self.reach[percent]
        scale = _scale(prediction) * np.array(self.shares)[group]
        ends = (prediction - below * scale, prediction + above * scale)
        low, high = (end.clip(SMALLEST, LARGEST) for end in ends)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; an infinite reach is null."""
        reach = {
            str(percent): [None if math.isinf(end) else end for end in ends] for percent, ends in self.reach.items()
        }
        return {"shares": list(self.shares), "reach": reach}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The intervals that `to_dict` wrote."""
        reach = {
            int(percent): (math.inf if below is None else below, math.inf if above is None else above)
            for percent, (below, above) in fields["reach"].items()
        }
        return cls(tuple(fields["shares"]), reach)


def calibrate(*, train: Outcomes, valid: Outcomes, groups: int) -> Intervals:
    """Learn the groups' shares from the training rows and the reach from the validation rows.

    `groups` says how many codes a group can have. A group without training rows gets the share of all.
    """
    shares = _group_shares(train, groups)
    error = (valid.actual - valid.prediction) / (_scale(valid.prediction) * np.array(shares)[valid.group])
    tails = {percent: (1 - percent / 100) / 2 for percent in PERCENTS}
    return Intervals(
        shares, {percent: (quantile(-error, 1 - tail), quantile(error, 1 - tail)) for percent, tail in tails.items()}
    )


def quantile(scores: np.ndarray, level: float) -> float:
    """The smallest number that a new score stays at or below with a probability of at least `level`.

    It is the ceil((n + 1) * level)-th smallest of n scores, infinite if that is beyond the last: the new score takes
    each of the n + 1 places with equal probability.

    Shape: (n,).
    Source: Lei et al. (2018), theorem 2.2.

    >>> quantile(np.arange(1.0, 10.0), 0.8), quantile(np.arange(1.0, 10.0), 0.95)
    (8.0, inf)
    """
    place = math.ceil(round((len(scores) + 1) * level, 9))  # 0.9 is stored a bit too large or too small
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else math.inf


def _scale(prediction: np.ndarray) -> np.ndarray:
    scale: np.ndarray = np.maximum(prediction, SMALLEST_SCALE)
    return scale


def _group_shares(outcomes: Outcomes, groups: int) -> tuple[float, ...]:
    """The mean of |error| / prediction by group, each drawn to that of all rows."""
    share = np.abs(outcomes.actual - outcomes.prediction) / _scale(outcomes.prediction)
    mean = math.fsum(share.tolist()) / len(share) or 1.0  # of a model without any error, too, shares are above 0
    by_group = [share[outcomes.group == code] for code in range(groups)]
    return tuple((math.fsum(part.tolist()) + PRIOR_ROWS * mean) / (len(part) + PRIOR_ROWS) for part in by_group)
