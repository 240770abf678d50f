"""A split's rows on disk in the order of their hashes, and in memory what the rows of one cell have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.external_sort import RowFile, sort
from pipeline.data.parquet import row_groups
from pipeline.data.schema import HASH
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.metrics import CELL, PREDICTED, Columns


@dataclass(frozen=True)
class SortedRows:
    """Rows in the order of their hashes, so a file's own order leaves no trace, for any number of passes over blocks.

    All rows of one hash are in one block. Shape: predicted (cells,), in units of the target.
    """

    file: RowFile
    cells: Cells  # by the columns that the model reads
    predicted: np.ndarray

    def __iter__(self) -> Iterator[Columns]:
        for block in self.file.blocks_of_whole_groups(HASH):
            columns = {name: block[name] for name in self.file.dtype.names or ()}
            yield columns | {PREDICTED: self.predicted[columns[CELL]]}


def sorted_rows(
    path: Path,
    folder: Path,
    *,
    cells: Mapping[str, Cells],
    columns: Sequence[str],
    predict: Callable[[Columns], np.ndarray],
) -> SortedRows:
    """Sort the rows of a Parquet file into a folder of scratch files, which is made; number their cells, predict these.

    `cells` says in which column the cells of which columns are numbered, in the order in which they first appear among
    the sorted rows; CELL is one of them. Of the file's own columns `columns` are kept.
    Raises: ValueError if there are fewer than two rows.
    """
    if (count := pq.read_metadata(path).num_rows) < 2:
        raise ValueError(f"{path}: a split must have two rows or more to be scored, found {count}")
    by_hash = sort(map(_structured, row_groups(path)), folder, by=HASH)
    kept = [(name, by_hash.dtype[name]) for name in columns]
    dtype = np.dtype([*kept, *((name, np.dtype(np.int32)) for name in cells)], align=True)
    numbered = (_numbered(block, cells, dtype) for block in by_hash.blocks())
    file = RowFile.write(folder / "rows", numbered, dtype)
    by_hash.path.unlink()
    return SortedRows(file, cells[CELL], predict(cells[CELL].codes))


def head(blocks: Iterable[Columns], rows: int) -> Columns:
    """The columns of the first rows, at most so many: of sorted rows a fair draw, as hashes know nothing of a row."""
    parts: list[Columns] = []
    for block in blocks:
        parts.append(block)
        if sum(len(part[HASH]) for part in parts) >= rows:
            break
    return {name: np.concatenate([part[name] for part in parts])[:rows] for name in parts[0]}


def _structured(table: pa.Table) -> np.ndarray:
    """The table's rows. Shape: returns (rows,) of a structured type."""
    dtype = np.dtype([(field.name, field.type.to_pandas_dtype()) for field in table.schema], align=True)
    rows = np.empty(table.num_rows, dtype)
    for name in table.column_names:
        rows[name] = table[name].to_numpy()
    return rows


def _numbered(rows: np.ndarray, cells: Mapping[str, Cells], dtype: np.dtype) -> np.ndarray:
    """The rows' columns of this type, and the numbers of their cells."""
    columns = {name: rows[name] for name in rows.dtype.names or ()}
    found = np.empty(len(rows), dtype)
    for name in dtype.names or ():
        found[name] = cells[name].add(columns) if name in cells else columns[name]
    return found
