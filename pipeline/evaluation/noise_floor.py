"""The noise floor, which is the variance of the target within cells, and the baseline of the cells' means.

A cell is all rows that agree in every column that the model reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.data.schema import HASH, TARGET
from pipeline.evaluation.metrics import CELL, Columns


def cell_numbers(columns: Columns) -> np.ndarray:
    """The number of each row's cell: rows with equal codes in all columns share one.

    Shape: each (rows,); returns (rows,) int64, from 0 in order of appearance.

    >>> cell_numbers({"level": np.array([2, 1, 2]), "size": np.array([1, 1, 1])})
    array([0, 1, 0])
    """
    return pd.DataFrame(dict(columns)).groupby(list(columns), sort=False).ngroup().to_numpy()


@dataclass(frozen=True)
class CellTotals:
    """What a pass over sorted rows tells of each cell, exact for whole targets. Shape: each (cells,) float64.

    With w copies of each different row, whose target is y, they are sum(w), sum(w y), the number of different rows and
    sum(w²).
    """

    rows: np.ndarray
    target: np.ndarray
    different: np.ndarray
    squared_copies: np.ndarray

    @classmethod
    def of(cls, blocks: Iterable[Columns], *, cells: int) -> "CellTotals":
        """The totals of so many cells; all rows of one hash are in one block, next to each other."""
        totals = cls(*np.zeros((4, cells)))
        for block in blocks:
            first, copies = _different(block[HASH])
            numbers = block[CELL][first]  # (different rows,)
            np.add.at(totals.rows, numbers, copies)
            np.add.at(totals.target, numbers, copies * block[TARGET][first])
            np.add.at(totals.different, numbers, 1.0)
            np.add.at(totals.squared_copies, numbers, copies**2)
        return totals

    @property
    def mean(self) -> np.ndarray:
        """The mean target of each cell; of a cell without rows 0. Shape: (cells,)."""
        means: np.ndarray = self.target / self.rows.clip(min=1.0)
        return means

    def mean_of(self, members: np.ndarray) -> float:
        """The mean target of the rows of some cells. Shape: (cells,) of bool."""
        return float(self.target[members].sum() / self.rows[members].sum())


def cell_mean(train: CellTotals, numbers: np.ndarray) -> np.ndarray:
    """The mean of the training rows of each cell, or of all training rows for the number -1, a cell that has none.

    Shape: numbers (n,) of cells of the training rows; returns (n,), in units of the target.
    """
    found: np.ndarray = np.where(numbers >= 0, train.mean[numbers], train.mean_of(train.rows > 0))
    return found


@dataclass(frozen=True)
class NoiseFloor:
    """The mean squared error of a model that knew every cell's mean; and in which cells, or on which rows, it is known.

    Shape: known (cells,) or (rows,), True where a cell holds two different rows or more.
    """

    mse: float  # in squared units of the target
    known: np.ndarray


def noise_floor(target: np.ndarray, *, cells: np.ndarray, rows: np.ndarray) -> NoiseFloor | None:
    """The floor of rows in memory, as the first of `noise_floors`, and on which of the rows it is known.

    Shape: target, cells and rows (equal numbers for copies of one row) are (rows,).

    >>> noise_floor(np.array([1.0, 3.0, 9.0]), cells=np.array([0, 0, 1]), rows=np.array([7, 8, 9]))
    NoiseFloor(mse=2.0, known=array([ True,  True, False]))
    """
    order = np.argsort(rows, kind="stable")
    block = {TARGET: target[order], CELL: cells[order], HASH: rows[order]}
    floor, _ = noise_floors([block], CellTotals.of([block], cells=cells.max() + 1))
    return floor and NoiseFloor(floor.mse, floor.known[cells])


def noise_floors(blocks: Iterable[Columns], totals: CellTotals) -> tuple[NoiseFloor | None, NoiseFloor | None]:
    """The variance of the target within the cells, weighted by rows: equal rows taken for copies, and for draws.

    An estimate of the expected error that no function of the codes alone can go below, and unbiased if copies are told
    from draws. Copies of one row are one draw with that weight: the split keeps them together, so they say no more than
    one does. Where rows are equal by chance, as of two people who answered alike, calling them copies makes the floor
    too high, by 1 to 7 % in simulations; calling copies draws makes it too low. It is None if no cell has two different
    rows, or two draws.

    With w copies of each different row i of a cell c, whose target is y:

        m[c] = sum(w y) / W[c], where W[c] = sum(w)
        variance[c] = sum(w (y - m[c])²) / (W[c] - sum(w²) / W[c])
        floor = sum(W[c] variance[c]) / sum(W[c]), over the cells with two different rows or more

    Shape: the blocks as `CellTotals.of` has them; the floors are in squared units, known in (cells,).
    Source: unbiased variance under reliability weights, as numpy.cov(aweights=…) has it; without copies it is
    pandas' groupby().var(). As the "pure error" of lack-of-fit tests: Draper & Smith, "Applied Regression Analysis".
    """
    of_copies, of_draws, means = np.zeros(len(totals.rows)), np.zeros(len(totals.rows)), totals.mean
    for block in blocks:
        first, copies = _different(block[HASH])
        squares = (block[TARGET] - means[block[CELL]]) ** 2  # (rows,)
        np.add.at(of_copies, block[CELL][first], copies * squares[first])
        np.add.at(of_draws, block[CELL], squares)
    return (
        _floor(totals.rows, of_copies, squared_copies=totals.squared_copies, known=totals.different > 1),
        _floor(totals.rows, of_draws, squared_copies=totals.rows, known=totals.rows > 1),
    )


def _floor(
    rows: np.ndarray, squares: np.ndarray, *, squared_copies: np.ndarray, known: np.ndarray
) -> NoiseFloor | None:
    """The floor from the sums of each cell, in the words of `noise_floors`. Shape: each (cells,)."""
    if not known.any():
        return None
    freedom = rows[known] - squared_copies[known] / rows[known]  # rows - 1 where there are no copies
    variance = squares[known] / freedom
    return NoiseFloor(float((rows[known] * variance).sum() / rows[known].sum()), known)


def _different(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of each group of equal hashes, and how many they are. Shape: returns two (different rows,)."""
    first = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
    return first, np.diff(np.append(first, len(hashes))).astype(np.float64)
