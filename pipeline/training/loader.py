"""Encoded rows on disk → tensors, in memory or streamed."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.network import Regressor
from pipeline.model.reproducible import DataLoader, TensorDataset, torch
from pipeline.params import Recipe
from pipeline.training.streamed import StreamedRows

ROWS_IN_MEMORY = 1 << 21  # more are streamed from the file
HASH = "row_hash"  # equal rows have the same


def read_rows(path: Path, network: Regressor) -> TensorDataset:
    """The split's inputs as the network reads them, and its normalised salaries.

    Shape: (rows, columns) and (rows, 1).
    Raises: ValueError if the split has no row.
    """
    return TensorDataset(*_tensors(network, _table(path, [*network.columns, "target"])))


def loader_of(
    path: Path, network: Regressor, recipe: Recipe, *, generator: torch.Generator
) -> "DataLoader[tuple[torch.Tensor, ...]]":
    """A loader of read_rows' rows, in an order that the generator draws anew each epoch.

    If equal rows count once, it serves each row's weight, too: 1 / how many are equal, scaled to a mean of 1.
    Up to ROWS_IN_MEMORY rows lie in memory; more are streamed from the file, shuffled some row groups at a time.
    Shape: weights (rows, 1).
    """
    columns = [*network.columns, "target"]
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


def weights(hashes: np.ndarray, *, sorted_hashes: np.ndarray) -> np.ndarray:
    """The weights of rows by their hashes, among all rows' sorted ones. Shape: (rows,); returns float32.

    >>> weights(np.array([7, 9]), sorted_hashes=np.array([7, 9, 9]))
    array([1.5 , 0.75], dtype=float32)
    """
    own, places = np.unique(hashes, return_inverse=True)  # in order they are found sooner
    copies = np.searchsorted(sorted_hashes, own, "right") - np.searchsorted(sorted_hashes, own, "left")
    distinct = 1 + np.count_nonzero(sorted_hashes[1:] != sorted_hashes[:-1])
    return (len(sorted_hashes) / distinct / copies[places]).astype(np.float32)


def _sorted_hashes(path: Path) -> np.ndarray:
    """The hashes of all rows, read one row group at a time: in memory they stand once. Shape: (rows,)."""
    file = pq.ParquetFile(path)
    hashes = np.empty(file.metadata.num_rows, np.uint64)
    end = 0
    for group in range(file.num_row_groups):
        part = file.read_row_group(group, columns=[HASH])[HASH].to_numpy()
        start, end = end, end + len(part)
        hashes[start:end] = part
    hashes.sort()
    return hashes


def _table(path: Path, columns: list[str]) -> pa.Table:
    table = pq.read_table(path, columns=columns)
    if not table.num_rows:
        raise ValueError(f"{path}: the split must have rows, found none; the table is too small for prepare.split")
    return table


def _tensors(network: Regressor, table: pa.Table, sorted_hashes: np.ndarray | None = None) -> list[torch.Tensor]:
    columns = {name: table[name].to_numpy() for name in table.column_names}
    numbers = [columns["target"].astype(np.float32)]
    if sorted_hashes is not None:
        numbers.append(weights(columns[HASH], sorted_hashes=sorted_hashes))
    tensors = [network.inputs(columns), *(torch.from_numpy(number).unsqueeze(1) for number in numbers)]
    return [tensor.to(network.device) for tensor in tensors]
