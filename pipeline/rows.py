"""Encoded rows on disk → tensors, in memory or streamed."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.network import Regressor
from pipeline.reproducible import DataLoader, TensorDataset, torch
from pipeline.streamed import StreamedRows

ROWS_IN_MEMORY = 1 << 21  # more are streamed from the file


def read_rows(path: Path, network: Regressor) -> TensorDataset:
    """The split's inputs as the network reads them, and its normalised salaries.

    Shape: (rows, columns) and (rows, 1).
    Raises: ValueError if the split has no row.
    """
    table = pq.read_table(path, columns=_columns(network))
    if not table.num_rows:
        raise ValueError(f"{path}: the split must have rows, found none; the table is too small for prepare.split")
    return TensorDataset(*_tensors(network, table))


def loader_of(
    path: Path, network: Regressor, *, batch_size: int, generator: torch.Generator
) -> "DataLoader[tuple[torch.Tensor, ...]]":
    """A loader of the split's rows, in an order that the generator draws anew each epoch.

    Up to ROWS_IN_MEMORY rows lie in memory; more are streamed from the file, shuffled some row groups at a time.
    """
    rows: TensorDataset | StreamedRows
    if pq.read_metadata(path).num_rows <= ROWS_IN_MEMORY:
        rows = read_rows(path, network)
    else:
        tensors = partial(_tensors, network)
        rows = StreamedRows(path, columns=_columns(network), tensors=tensors, generator=generator)
    return DataLoader(rows, batch_size, shuffle=isinstance(rows, TensorDataset), generator=generator)


def _columns(network: Regressor) -> list[str]:
    return [*network.columns, "target"]


def _tensors(network: Regressor, table: pa.Table) -> list[torch.Tensor]:
    columns = {name: table[name].to_numpy() for name in table.column_names}
    target = torch.from_numpy(columns["target"].astype(np.float32)).unsqueeze(1)
    return [tensor.to(network.device) for tensor in (network.inputs(columns), target)]
