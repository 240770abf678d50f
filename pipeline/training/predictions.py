"""What a network predicts for encoded rows on disk, beside what they say: of many rows, for a fair share of them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.data.encoding import Scaling
from pipeline.data.schema import GROUP, TARGET
from pipeline.model.intervals import PredictedRows
from pipeline.model.network import Regressor

ENOUGH_ROWS = 1 << 18


def step_through(path: Path) -> int:
    """Every how many-th row of the file is taken: each one, unless there are more than `ENOUGH_ROWS`."""
    return max(1, -(-count_rows(path) // ENOUGH_ROWS))


def count_rows(path: Path) -> int:
    """How many rows the file has."""
    rows: int = pq.read_metadata(path).num_rows
    return rows


def read_outcomes(path: Path, network: Regressor, scaling: Scaling) -> PredictedRows:
    """The predicted and the actual salary of each row of the file that is taken, and its experience level."""
    columns = list(dict.fromkeys((*network.columns, GROUP, TARGET)))
    parts, step, first, file = [], step_through(path), 0, pq.ParquetFile(path)
    for number in range(file.num_row_groups):  # iter_batches would hold the whole file in its buffers
        group = file.read_row_group(number, columns=columns)
        rows = {name: group[name].to_numpy()[first::step] for name in columns}
        first = (first - group.num_rows) % step
        prediction = scaling.denormalise(network.predict(network.inputs(rows)).numpy())
        parts.append((prediction, rows[TARGET], rows[GROUP]))
    return PredictedRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
