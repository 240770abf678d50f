"""Encoded splits for tests: whole, or in blocks and cells as evaluate has them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.data.external_sort import RowFile
from pipeline.data.schema import HASH
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.metrics import Columns


def read_split(path: Path) -> dict[str, np.ndarray]:
    """The columns of a split, with the rows in the order of their hashes."""
    table = pq.read_table(path)
    order = np.argsort(table[HASH].to_numpy(), kind="stable")
    return {name: table[name].to_numpy()[order] for name in table.column_names}


def in_cells(columns: Columns, names: Sequence[str], *, into: str) -> tuple[dict[str, np.ndarray], Cells]:
    """The columns and one of the rows' cells by these names, and the cells."""
    cells = Cells(names)
    return {**columns, into: cells.add({name: columns[name].astype(np.int16) for name in names})}, cells


def in_blocks(columns: Columns, size: int) -> list[Columns]:
    """The rows, so many at a time."""
    rows = len(next(iter(columns.values())))
    return [{name: column[at : at + size] for name, column in columns.items()} for at in range(0, rows, size)]


def file_of(path: Path, columns: Columns) -> RowFile:
    """The rows on disk."""
    dtype = np.dtype([(name, column.dtype) for name, column in columns.items()])
    rows = np.empty(len(next(iter(columns.values()))), dtype)
    for name, column in columns.items():
        rows[name] = column
    return RowFile.write(path, [rows], dtype)
