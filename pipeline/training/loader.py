"""Encoded rows on disk → tensors: in memory, or streamed from the file in a shuffled order all the same."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.schema import HASH, NORMALISED
from pipeline.model.network import Regressor
from pipeline.model.reproducible import DataLoader, IterableDataset, TensorDataset, torch
from pipeline.params import Recipe

ROWS_IN_MEMORY = 1 << 21  # more are streamed from the file
GROUPS_PER_WINDOW = 4  # row groups in memory at a time


def read_rows(path: Path, network: Regressor) -> TensorDataset:
    """The split's inputs as the network reads them, and its normalised targets.

    Shape: (rows, columns) and (rows, 1).
    Raises: ValueError if the split has no row.
    """
    return TensorDataset(*_tensors(network, _table(path, [*network.columns, NORMALISED])))


def loader_of(
    path: Path, network: Regressor, recipe: Recipe, *, generator: torch.Generator
) -> "DataLoader[tuple[torch.Tensor, ...]]":
    """A loader of read_rows' rows, in an order that the generator draws anew each epoch.

    If equal rows count once, it serves each row's weight, too: 1 / how many are equal, scaled to a mean of 1.
    Up to ROWS_IN_MEMORY rows lie in memory; more are streamed from the file, shuffled some row groups at a time.
    Shape: inputs (rows, columns), targets (rows, 1), weights (rows, 1).
    Raises: ValueError if the split has no row.
    """
    columns = [*network.columns, NORMALISED]
    sorted_hashes = None
    if recipe.equal_rows == "once":
        columns.append(HASH)
        sorted_hashes = _sorted_hashes(path)
    rows: TensorDataset | StreamedRows
    if pq.read_metadata(path).num_rows <= ROWS_IN_MEMORY:
        rows = TensorDataset(*_tensors(network, _table(path, columns), sorted_hashes))
    else:
        tensors = partial(_tensors, network, sorted_hashes=sorted_hashes)
        rows = StreamedRows(path, columns=columns, tensors=tensors, generator=generator)
    return DataLoader(rows, recipe.batch_size, shuffle=isinstance(rows, TensorDataset), generator=generator)


class StreamedRows(IterableDataset[tuple[torch.Tensor, ...]]):
    """The rows of a Parquet file, in a new order each epoch: row groups are drawn, and shuffled several together.

    The row groups that are shuffled together are a window. A row never meets the rows of other windows, so the order is
    nearly, not quite, that of a whole shuffle. `tensors` turns a table of rows into the tensors to serve, (rows, ...)
    each.
    """

    def __init__(
        self,
        path: Path,
        *,
        columns: list[str],
        tensors: Callable[[pa.Table], list[torch.Tensor]],
        generator: torch.Generator,
    ) -> None:
        self._file = pq.ParquetFile(path)
        self._columns, self._tensors, self._generator = columns, tensors, generator

    def __len__(self) -> int:
        rows: int = self._file.metadata.num_rows
        return rows

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        for block in self.blocks(1):
            yield tuple(column[0] for column in block)

    def blocks(self, rows: int) -> Iterator[list[torch.Tensor]]:
        """One epoch, in blocks of as many rows; the last may be shorter. The order is the same for any size."""
        rest: list[torch.Tensor] = []  # what is too little for a block, each (fewer than rows, ...)
        groups = torch.randperm(self._file.num_row_groups, generator=self._generator)  # (row groups,)
        for window in torch.split(groups, GROUPS_PER_WINDOW):
            columns = self._shuffled(window.tolist(), rest)  # each (rows of the rest and of the window, ...)
            end = len(columns[0]) // rows * rows
            for start in range(0, end, rows):
                yield [column[start : start + rows] for column in columns]
            rest = [column[end:].clone() for column in columns]
            del columns  # the next window takes its place in memory
        if len(rest[0]):
            yield rest

    def _shuffled(self, groups: list[int], rest: list[torch.Tensor]) -> list[torch.Tensor]:
        """The rest of the window before, then the rows of the row groups in a new order."""
        parts = [self._tensors(self._file.read_row_group(group, columns=self._columns)) for group in groups]
        order = torch.randperm(sum(len(part[0]) for part in parts), generator=self._generator)  # (rows of all groups,)
        columns = [torch.cat(column).index_select(0, order.to(column[0].device)) for column in zip(*parts, strict=True)]
        return [torch.cat(pair) for pair in zip(rest, columns, strict=True)] if rest else columns


def weights(hashes: np.ndarray, *, sorted_hashes: np.ndarray) -> np.ndarray:
    """The weights of rows by their hashes, among all rows' sorted ones. Shape: (rows,); returns float32.

    >>> weights(np.array([7, 9]), sorted_hashes=np.array([7, 9, 9]))
    array([1.5 , 0.75], dtype=float32)
    """
    own, inverse = np.unique(hashes, return_inverse=True)  # (distinct,), sorted: so they are found sooner; and (rows,)
    copies = np.searchsorted(sorted_hashes, own, "right") - np.searchsorted(sorted_hashes, own, "left")  # (distinct,)
    distinct = 1 + np.count_nonzero(sorted_hashes[1:] != sorted_hashes[:-1])  # of all rows
    return (len(sorted_hashes) / distinct / copies[inverse]).astype(np.float32)


def _sorted_hashes(path: Path) -> np.ndarray:
    """The hashes of all rows, read one row group at a time: in memory they stand once. Shape: (rows,)."""
    file = pq.ParquetFile(path)
    hashes = np.empty(file.metadata.num_rows, np.uint64)
    end = 0
    for group in range(file.num_row_groups):
        part = file.read_row_group(group, columns=[HASH])[HASH].to_numpy()  # (rows of the group,)
        start, end = end, end + len(part)
        hashes[start:end] = part
    hashes.sort()
    return hashes


def _table(path: Path, columns: list[str]) -> pa.Table:
    table = pq.read_table(path, columns=columns)
    if not table.num_rows:
        raise ValueError(f"{path}: the split must have rows, found none; run dvc repro: the prepare stage says why")
    return table


def _tensors(network: Regressor, table: pa.Table, sorted_hashes: np.ndarray | None = None) -> list[torch.Tensor]:
    """The table's rows as inputs (rows, columns), targets (rows, 1) and, if hashes are given, weights (rows, 1)."""
    columns = {name: table[name].to_numpy() for name in table.column_names}  # each (rows,)
    numbers = [columns[NORMALISED].astype(np.float32)]
    if sorted_hashes is not None:
        numbers.append(weights(columns[HASH], sorted_hashes=sorted_hashes))
    tensors = [network.inputs(columns), *(torch.from_numpy(number).unsqueeze(1) for number in numbers)]
    return [tensor.to(network.device) for tensor in tensors]
