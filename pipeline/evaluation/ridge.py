"""Ridge regression on one-hot codes: the linear model that a network must beat to be worth its name.

It adds only in given orders, without BLAS or LAPACK, whose last bits follow the CPU: so committed scores are the same
bytes everywhere.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from pipeline.data.schema import WORDS
from pipeline.evaluation.metrics import Columns

PENALTIES = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)  # in training rows: so many say that a code makes no difference
TOLERANCE = 1e-8  # of the residual's norm, as a share of the first
MANY_CELLS, FEW_CODES = 1 << 15, 1 << 11  # of more cells and so few codes, each pair of codes is counted once


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression: one coefficient per code of each column; the columns of words share theirs."""

    starts: Mapping[str, int]  # the index of each column's first coefficient
    coefficients: np.ndarray  # (codes of all columns,), in units of the target
    intercept: float
    penalty: float

    def predict(self, codes: Columns) -> np.ndarray:
        """Predictions in units of the target. Shape: each (rows,); returns (rows,)."""
        return self.intercept + _times(_indices(codes, self.starts), self.coefficients)


def fit(codes: Columns, target: np.ndarray, *, rows: np.ndarray, sizes: Mapping[str, int], penalty: float) -> Ridge:
    """Minimise the squared errors + penalty × the squared coefficients; the intercept is not penalised.

    With X the one-hot rows, y the target, x̄ and ȳ their means and λ the penalty, the coefficients β solve

        ((X - x̄)ᵀ (X - x̄) + λ I) β = Xᵀ (y - ȳ), and the intercept is ȳ - x̄ β

    The rows of one cell are equal in X, so they count as one row whose weight w is their number, and y its mean.

    Shape: codes of each column, mean targets and rows (cells,); `sizes` says how many codes each column can hold.
    Source: the definition of sklearn.linear_model.Ridge, the test's oracle.
    """
    starts, size = _layout(list(codes), sizes)
    x, y, w = _indices(codes, starts), target, rows.astype(np.float64)
    y_mean = _dot(w, y) / w.sum()
    counts = _transposed_times(x, w, size)  # (codes of all columns,)
    x_mean = counts / w.sum()

    by_code = len(w) > MANY_CELLS and size <= FEW_CODES
    centred_products = (_products_by_code if by_code else _products_by_cell)(x, w, size)
    right_side = _transposed_times(x, w * (y - y_mean), size)
    beta = conjugate_gradients(
        lambda beta: centred_products(beta) + penalty * beta, right_side, diagonal=counts + penalty
    )
    return Ridge(starts, beta, y_mean - _dot(x_mean, beta), penalty)


def _products_by_cell(x: Sequence[np.ndarray], w: np.ndarray, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """β ↦ (X - x̄)ᵀ W (X - x̄) β without the dense X - x̄: on the left x̄ adds nothing, as the sum of w · centred is 0."""
    x_mean = _transposed_times(x, w, size) / w.sum()

    def times(beta: np.ndarray) -> np.ndarray:
        centred = _times(x, beta) - _dot(x_mean, beta)  # (X - x̄) β, (cells,)
        return _transposed_times(x, w * centred, size)

    return times


def _products_by_code(x: Sequence[np.ndarray], w: np.ndarray, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """The same up to rounding, as Xᵀ W X β - Xᵀ w (x̄ β): a step's time goes with the squared codes, not the cells."""
    counts, flat = _transposed_times(x, w, size), np.zeros(size * size)
    for one, other in product(x, x):
        np.add.at(flat, one * size + other, w)
    # Xᵀ W X, how many rows have both codes: exact in any order; in parts, each (some codes, size), that fit the cache
    parts = np.array_split(flat.reshape(size, size), -(-size // 64))

    def times(beta: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.concatenate([(part * beta).sum(axis=1) for part in parts])
        return found - counts * _dot(counts / w.sum(), beta)

    return times


def conjugate_gradients(
    matrix: Callable[[np.ndarray], np.ndarray], b: np.ndarray, *, diagonal: np.ndarray
) -> np.ndarray:
    """The solution x of A x = b, for a symmetric, positive definite A that is given as a function.

    It is preconditioned with `diagonal`, the diagonal of A or something like it. Shape: all (n,).
    The names are the usual ones: r = b - A x is the residual, p the direction of search, z = r / diagonal.
    Source: Hestenes & Stiefel, "Methods of Conjugate Gradients for Solving Linear Systems" (1952).

    >>> conjugate_gradients(lambda vector: 2 * vector, np.array([2.0, 6.0]), diagonal=np.ones(2)).tolist()
    [1.0, 3.0]
    """
    x, r = np.zeros(len(b)), b  # the residual of x = 0
    p = r / diagonal
    rz = first_rz = _dot(r, p)
    for _ in range(10 * len(b)):  # rounding may keep the residual of a nearly constant target above the tolerance
        if rz <= TOLERANCE**2 * first_rz:
            break
        ap = matrix(p)
        alpha = rz / _dot(p, ap)  # how far along p the error is smallest
        x, r = x + alpha * p, r - alpha * ap
        before, rz = rz, _dot(r, r / diagonal)
        p = r / diagonal + (rz / before) * p  # conjugate to all directions before: pᵀ A p' = 0
    return x


def fit_best_penalty(
    codes: Columns,
    target: np.ndarray,
    *,
    rows: np.ndarray,
    sizes: Mapping[str, int],
    error: Callable[[Ridge], float],
) -> Ridge:
    """The ridge regression whose penalty of `PENALTIES` has the smallest error, on other rows. Shape: as `fit`."""
    return min((fit(codes, target, rows=rows, sizes=sizes, penalty=penalty) for penalty in PENALTIES), key=error)


def _layout(columns: Sequence[str], sizes: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """The index of each column's first coefficient, which all columns of words share; and how many there are."""
    starts: dict[str, int] = {}
    end = 0
    for name in columns:
        starts[name] = next((starts[word] for word in WORDS if name in WORDS and word in starts), end)
        end = max(end, starts[name] + sizes[name])
    return starts, end


def _indices(codes: Columns, starts: Mapping[str, int]) -> list[np.ndarray]:
    """The one-hot matrix, as the indices of each row's ones, column by column. Shape: each (rows,) int64."""
    return [codes[name].astype(np.int64) + start for name, start in starts.items()]


def _times(indices: Sequence[np.ndarray], coefficients: np.ndarray) -> np.ndarray:
    """X β, with X as `_indices`. Shape: returns (rows,)."""
    return sum((coefficients[index] for index in indices), start=np.zeros(len(indices[0])))


def _transposed_times(indices: Sequence[np.ndarray], values: np.ndarray, size: int) -> np.ndarray:
    """Xᵀ values, with X as `_indices`. Shape: values (rows,); returns (size,)."""
    return sum((np.bincount(index, values, minlength=size) for index in indices), start=np.zeros(size))


def _dot(left: np.ndarray, right: np.ndarray) -> float:
    """The scalar product, exactly rounded: so the order of the rows leaves no trace."""
    return math.fsum((left * right).tolist())
