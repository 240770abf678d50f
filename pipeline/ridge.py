"""Ridge regression on one-hot codes: the linear model that a network must beat to be worth its name.

It adds only in given orders, without BLAS or LAPACK, whose last bits follow the CPU: so committed scores are the same
bytes everywhere.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.cells import cell_numbers
from pipeline.encoding import WORDS
from pipeline.metrics import mean_squared_error

PENALTIES = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)  # in training rows: so many say that a code makes no difference
TOLERANCE = 1e-8

Codes = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression: one coefficient per code of each column; the title's words share theirs.

    Shape: coefficients (codes of all columns,), in units of the target; starts: where each column's begin.
    """

    starts: Mapping[str, int]
    coefficients: np.ndarray
    intercept: float
    penalty: float

    def predict(self, codes: Codes) -> np.ndarray:
        """Predictions in units of the target. Shape: each (rows,); returns (rows,)."""
        return self.intercept + _times(_places(codes, self.starts), self.coefficients)


def fit(codes: Codes, target: np.ndarray, *, sizes: Mapping[str, int], penalty: float) -> Ridge:
    """Minimise the squared errors + penalty × the squared coefficients; the intercept goes free.

    Rows of one cell are one row of that weight. The normal equations of the centred columns are solved by conjugate
    gradients, each coefficient scaled by its diagonal.

    Shape: codes of each column and target (rows,); `sizes` says how many codes each column can hold.
    Source: the definition of sklearn.linear_model.Ridge; Hestenes & Stiefel, "Methods of Conjugate Gradients" (1952).
    """
    starts, size = _layout(list(codes), sizes)
    cells = cell_numbers(codes)
    _, first = np.unique(cells, return_index=True)
    rows = np.bincount(cells).astype(np.float64)
    means = np.bincount(cells, target) / rows
    places = _places({name: column[first] for name, column in codes.items()}, starts)

    def collected(values: np.ndarray) -> np.ndarray:
        return _transposed(places, values * rows, size)

    center = _dot(rows, means) / rows.sum()
    counts = collected(np.ones(len(rows)))
    shares = counts / rows.sum()
    diagonal = counts + penalty
    coefficients = np.zeros(size)
    residual = collected(means - center)
    step = residual / diagonal
    error = _dot(residual, step)
    goal = TOLERANCE**2 * error
    for _ in range(10 * size):  # rounding may keep the error of a nearly constant target above the goal
        if error <= goal:
            break
        slope = collected(_times(places, step) - _dot(shares, step)) + penalty * step
        length = error / _dot(step, slope)
        coefficients = coefficients + length * step
        residual = residual - length * slope
        before, error = error, _dot(residual, residual / diagonal)
        step = residual / diagonal + (error / before) * step
    return Ridge(starts, coefficients, center - _dot(shares, coefficients), penalty)


def choose(train: Codes, valid: Codes, *, columns: Sequence[str], target: str, sizes: Mapping[str, int]) -> Ridge:
    """The ridge regression, fitted on the training rows, whose penalty of `PENALTIES` is best on the validation rows.

    Shape: each column of train and of valid (rows,).
    """
    codes, unseen = ({name: split[name] for name in columns} for split in (train, valid))
    fitted = [fit(codes, train[target], sizes=sizes, penalty=penalty) for penalty in PENALTIES]
    return min(fitted, key=lambda ridge: mean_squared_error(ridge.predict(unseen), valid[target]))


def _layout(columns: Sequence[str], sizes: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Where each column's coefficients begin, and how many there are; all words' columns begin at one place."""
    starts: dict[str, int] = {}
    end = 0
    for name in columns:
        shared = [starts[word] for word in WORDS if name in WORDS and word in starts]
        starts[name] = shared[0] if shared else end
        end = max(end, starts[name] + sizes[name])
    return starts, end


def _places(codes: Codes, starts: Mapping[str, int]) -> list[np.ndarray]:
    """Which coefficient each row's code has, column by column. Shape: each (rows,) int64."""
    return [codes[name].astype(np.int64) + start for name, start in starts.items()]


def _times(places: Sequence[np.ndarray], coefficients: np.ndarray) -> np.ndarray:
    """The one-hot matrix times the coefficients. Shape: returns (rows,)."""
    total = np.zeros(len(places[0]))
    for place in places:
        total += coefficients[place]
    return total


def _transposed(places: Sequence[np.ndarray], values: np.ndarray, size: int) -> np.ndarray:
    """The transposed one-hot matrix times a value per row. Shape: returns (size,)."""
    total = np.zeros(size)
    for place in places:
        total += np.bincount(place, values, minlength=size)
    return total


def _dot(left: np.ndarray, right: np.ndarray) -> float:
    """The scalar product, exactly rounded."""
    return math.fsum((left * right).tolist())
