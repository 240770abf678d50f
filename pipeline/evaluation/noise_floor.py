"""The noise floor, which is the variance of the target within cells, and the baseline of the cells' means.

A cell is all rows that agree in every column that the model reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.data.schema import TARGET
from pipeline.evaluation.metrics import Columns


def cell_numbers(columns: Columns) -> np.ndarray:
    """The number of each row's cell: rows with equal codes in all columns share one.

    Shape: each (rows,); returns (rows,) int64, from 0 in order of appearance.

    >>> cell_numbers({"level": np.array([2, 1, 2]), "size": np.array([1, 1, 1])})
    array([0, 1, 0])
    """
    return pd.DataFrame(dict(columns)).groupby(list(columns), sort=False).ngroup().to_numpy()


def cell_mean(train: Columns, test: Columns, *, columns: Sequence[str]) -> np.ndarray:
    """For each test row the mean of the training rows of its cell, or of all training rows if its cell has none.

    Shape: each (rows,); returns (test rows,), in units of the target.
    """
    both = cell_numbers({name: np.concatenate([train[name], test[name]]) for name in columns})
    train_cells, test_cells = np.split(both, [len(train[TARGET])])
    rows = np.bincount(train_cells, minlength=both.max() + 1)  # (cells,)
    sums = np.bincount(train_cells, weights=train[TARGET], minlength=len(rows))  # a cell without training rows: 0
    means = np.where(rows > 0, sums / np.maximum(rows, 1), sums.sum() / rows.sum())
    predicted: np.ndarray = means[test_cells]
    return predicted


@dataclass(frozen=True)
class NoiseFloor:
    """The mean squared error of a model that knew every cell's mean; and on which rows it is known."""

    mse: float  # in squared units of the target
    known: np.ndarray  # (rows,) True where a row's cell holds two different rows or more


def noise_floor(target: np.ndarray, *, cells: np.ndarray, rows: np.ndarray) -> NoiseFloor | None:
    """The variance of the target within the cells, each weighted by its rows; None if no cell has two different rows.

    An estimate of the expected error that no function of the codes alone can go below, and unbiased if `rows` tells
    copies from draws. Copies of one row are one draw with that weight: the split keeps them together, so they say no
    more than one does. Where rows are equal by chance, as of two people who answered alike, calling them copies makes
    the floor too high, by 1 to 7 % in simulations; calling copies draws makes it too low.

    With w copies of each different row i of a cell c, whose target is y:

        m[c] = sum(w y) / W[c], where W[c] = sum(w)
        variance[c] = sum(w (y - m[c])²) / (W[c] - sum(w²) / W[c])
        floor = sum(W[c] variance[c]) / sum(W[c]), over the cells with two different rows or more

    Shape: target, cells and rows (equal numbers for copies of one row) are (rows,); the floor is in squared units.
    Source: unbiased variance under reliability weights, as numpy.cov(aweights=…) has it; without copies it is
    pandas' groupby().var(). As the "pure error" of lack-of-fit tests: Draper & Smith, "Applied Regression Analysis".

    >>> noise_floor(np.array([1.0, 3.0, 9.0]), cells=np.array([0, 0, 1]), rows=np.array([7, 8, 9]))
    NoiseFloor(mse=2.0, known=array([ True,  True, False]))
    """
    _, first, copies = np.unique(rows, return_index=True, return_counts=True)  # each (different rows,)
    c, y, w = cells[first], target[first].astype(np.float64), copies.astype(np.float64)
    total = np.bincount(c, w).clip(min=1.0)  # W, (cells,); at least 1 where a cell's number goes unused
    mean = np.bincount(c, w * y) / total
    squares = np.bincount(c, w * (y - mean[c]) ** 2)
    known = np.bincount(c) > 1  # (cells,)
    if not known.any():
        return None
    freedom = total - np.bincount(c, w**2) / total  # rows - 1 where there are no copies
    variance = squares[known] / freedom[known]
    return NoiseFloor(float((total[known] * variance).sum() / total[known].sum()), known[cells])
