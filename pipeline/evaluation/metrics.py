"""How far predictions are from the truth. Sums are exactly rounded: the order of the rows leaves no trace."""

import math
from collections.abc import Mapping

import numpy as np

Columns = Mapping[str, np.ndarray]
"""Some columns of encoded rows by name: codes, the target in either unit, the row's hash. Shape: each (rows,)."""
CELL, FEATURE_CELL, PREDICTED = "cell", "feature_cell", "predicted"
"""What a scored row has besides: the numbers of its cells, by what the model reads and by all features; its prediction.
"""


def mean_squared_error(prediction: np.ndarray, target: np.ndarray) -> float:
    """Mean squared error, in squared units of the target.

    Shape: both (rows,), rows >= 1.
    Raises: ValueError if the shapes differ; (rows, 1) against (rows,) would broadcast to a plausible wrong number.
    Source: the definition of sklearn.metrics.mean_squared_error, which the test uses as its oracle.

    >>> mean_squared_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    2.0
    """
    return _mean(_errors(prediction, target) ** 2)


def r2(prediction: np.ndarray, target: np.ndarray) -> float:
    """Share of the target's variance that the prediction explains: at most 1; 0 is what the target's own mean reaches.

    Shape: both (rows,), rows >= 2.
    Raises: ValueError if the shapes differ, or if the target is constant: then there is nothing to explain.
    Source: the definition of sklearn.metrics.r2_score.

    >>> r2(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
    0.5
    """
    unexplained = mean_squared_error(prediction, target)
    variance = _mean((target.astype(np.float64) - _mean(target)) ** 2)
    if (target == target[0]).all():  # the variance of a constant may be a rounding error above 0
        raise ValueError(f"R2 needs a target that varies, found {len(target)} rows of {target[0]}")
    return 1.0 - unexplained / variance


def _errors(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    if prediction.shape != target.shape or prediction.ndim != 1 or not len(target):
        raise ValueError(f"prediction and target must be (rows,), found {prediction.shape} and {target.shape}")
    if not (np.isfinite(prediction).all() and np.isfinite(target).all()):
        raise ValueError("prediction and target must be finite, found NaN or infinity")
    return prediction.astype(np.float64) - target.astype(np.float64)


def _mean(values: np.ndarray) -> float:
    return math.fsum(values.tolist()) / len(values)
