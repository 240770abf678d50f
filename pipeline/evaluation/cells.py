"""Cells: all rows with equal codes in some columns. What is a function of the codes is worked out once for each."""

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from pipeline.data.code_rows import distinct, keys
from pipeline.evaluation.metrics import Columns


class Cells:
    """The cells of these columns, numbered in the order in which they first appear, and how many rows each has.

    It holds no row: memory grows by some dozen bytes for each different combination of codes.
    Shape: rows (cells,) int64.

    >>> cells = Cells(["level", "size"])
    >>> rows = {"level": np.array([2, 1, 2], np.int16), "size": np.array([1, 1, 1], np.int16)}
    >>> cells.add(rows).tolist(), cells.rows.tolist()
    ([0, 1, 0], [2, 1])
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._table = np.empty((0, len(columns)), np.int16)  # (cells, columns)
        self.rows = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def codes(self) -> dict[str, np.ndarray]:
        """The codes of each cell by column. Shape: each (cells,) int16."""
        return dict(zip(self._columns, self._table.T, strict=True))

    def rows_by_code(self, column: str, *, codes: int) -> np.ndarray:
        """How many rows have each of so many codes. Shape: returns (codes,) int64."""
        return np.bincount(self.codes[column], self.rows, minlength=codes).astype(np.int64)

    def add(self, rows: Columns) -> np.ndarray:
        """Count some rows, and return the number of each one's cell; those of new cells are the next.

        Shape: each (rows,) int16; returns (rows,).
        """
        different, inverse = distinct(np.stack([rows[name] for name in self._columns], axis=1))
        found = pc.index_in(keys(different), keys(self._table))  # (different rows,), null for a new cell
        new = found.is_null().to_numpy(zero_copy_only=False)
        numbers = found.fill_null(0).to_numpy().copy()
        numbers[new] = np.arange(len(self), len(self) + np.count_nonzero(new))
        self._table = np.concatenate([self._table, different[new]])
        of_rows: np.ndarray = numbers[inverse]
        counts = np.bincount(of_rows, minlength=len(self))  # (cells,)
        counts[: len(self.rows)] += self.rows
        self.rows = counts
        return of_rows

    def numbers_in(self, others: "Cells") -> np.ndarray:
        """The number that each cell has among others of the same columns, -1 if it has none. Shape: (cells,)."""
        found: np.ndarray = pc.index_in(keys(self._table), keys(others._table)).fill_null(-1).to_numpy()
        return found
