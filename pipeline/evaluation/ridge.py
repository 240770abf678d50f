"""Ridge regression on one-hot codes: the linear model that a network must beat to be worth its name.

It adds only in given orders, without BLAS or LAPACK, whose last bits follow the CPU: so committed scores are the same
bytes everywhere.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.data.schema import WORDS
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.evaluation.noise_floor import cell_numbers

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

    Shape: codes of each column and target (rows,); `sizes` says how many codes each column can hold.
    Source: the definition of sklearn.linear_model.Ridge, the test's oracle.
    """
    starts, size = _layout(list(codes), sizes)
    cells = cell_numbers(codes)  # the rows of one cell are one row of that weight
    _, first = np.unique(cells, return_index=True)
    rows = np.bincount(cells).astype(np.float64)
    means = np.bincount(cells, target) / rows
    places = _places({name: column[first] for name, column in codes.items()}, starts)
    center = _dot(rows, means) / rows.sum()
    counts = _transposed(places, rows, size)
    shares = counts / rows.sum()

    def matrix(step: np.ndarray) -> np.ndarray:
        fitted = _times(places, step) - _dot(shares, step)  # of the centred columns
        return _transposed(places, rows * fitted, size) + penalty * step

    goal = _transposed(places, rows * (means - center), size)
    coefficients = solve(matrix, goal, diagonal=counts + penalty)
    return Ridge(starts, coefficients, center - _dot(shares, coefficients), penalty)


def solve(matrix: Callable[[np.ndarray], np.ndarray], goal: np.ndarray, *, diagonal: np.ndarray) -> np.ndarray:
    """The vector that the symmetric, positive definite matrix, given as a function, takes to the goal.

    Conjugate gradients, scaled by the matrix's diagonal or something like it. Shape: all (n,).
    Source: Hestenes & Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems" (1952).

    >>> solve(lambda vector: 2 * vector, np.array([2.0, 6.0]), diagonal=np.ones(2)).tolist()
    [1.0, 3.0]
    """
    found, residual = np.zeros(len(goal)), goal
    step = residual / diagonal
    error = first = _dot(residual, step)
    for _ in range(10 * len(goal)):  # rounding may keep the error of a nearly constant target above the tolerance
        if error <= TOLERANCE**2 * first:
            break
        slope = matrix(step)
        length = error / _dot(step, slope)
        found, residual = found + length * step, residual - length * slope
        before, error = error, _dot(residual, residual / diagonal)
        step = residual / diagonal + (error / before) * step
    return found


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
