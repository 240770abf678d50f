"""What rows tell that are alike in all that a model reads: their mean is its baseline, their variance its floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Columns = Mapping[str, np.ndarray]


def cell_numbers(columns: Columns) -> np.ndarray:
    """Which cell each row is in: rows with equal codes in all columns share one.

    Shape: each (rows,); returns (rows,) int64, from 0 in order of appearance.

    >>> cell_numbers({"level": np.array([2, 1, 2]), "size": np.array([1, 1, 1])})
    array([0, 1, 0])
    """
    return pd.DataFrame(dict(columns)).groupby(list(columns), sort=False).ngroup().to_numpy()


def cell_mean(train: Columns, test: Columns, *, columns: Sequence[str], target: str) -> np.ndarray:
    """For each test row the mean of the training rows of its cell, or of all training rows if its cell has none.

    Shape: each (rows,); returns (test rows,), in units of the target.
    """
    cells = cell_numbers({name: np.concatenate([train[name], test[name]]) for name in columns})
    of_train, of_test = np.split(cells, [len(train[target])])
    rows = np.bincount(of_train, minlength=cells.max() + 1)
    sums = np.bincount(of_train, weights=train[target], minlength=len(rows))
    means = np.where(rows > 0, sums / np.maximum(rows, 1), sums.sum() / rows.sum())
    found: np.ndarray = means[of_test]
    return found


@dataclass(frozen=True)
class Floor:
    """The noise floor: the mean squared error of a model that knew every cell's mean; and on which rows it is known.

    Shape: known is (rows,), True where a row's cell holds two different rows or more.
    """

    mse: float
    known: np.ndarray


def noise_floor(target: np.ndarray, *, cells: np.ndarray, rows: np.ndarray) -> Floor | None:
    """The variance of the target within the cells, each weighted by its rows; None if no cell has two different rows.

    An estimate of the expected error that no function of the codes alone can go below, and unbiased if `rows` tells
    copies from draws. Copies of one row are one draw with that weight: the split keeps them together, so they say no
    more than one does. Where rows are equal by chance, as of two people with the same round salary, calling them copies
    makes the floor too high, by 1 to 7 % in simulations; calling copies draws makes it too low.

    Shape: target, cells and rows (which row this is a copy of) are (rows,); the floor is in squared units.
    Source: unbiased variance under reliability weights, as numpy.cov(aweights=…) has it; without copies it is
    pandas' groupby().var(). As the "pure error" of lack-of-fit tests: Draper & Smith, "Applied Regression Analysis".

    >>> noise_floor(np.array([1.0, 3.0, 9.0]), cells=np.array([0, 0, 1]), rows=np.array([7, 8, 9]))
    Floor(mse=2.0, known=array([ True,  True, False]))
    """
    _, first, copies = np.unique(rows, return_index=True, return_counts=True)
    cell, value, weight = cells[first], target[first].astype(np.float64), copies.astype(np.float64)
    draws, weights = np.bincount(cell), np.bincount(cell, weight).clip(min=1.0)  # a number may go unused
    means = np.bincount(cell, weight * value) / weights
    squares = np.bincount(cell, weight * (value - means[cell]) ** 2)
    known = draws > 1
    if not known.any():
        return None
    freedom = weights - np.bincount(cell, weight**2) / weights  # rows - 1 where there are no copies
    variances = squares[known] / freedom[known]
    return Floor(float((weights[known] * variances).sum() / weights[known].sum()), known[cells])
