"""What a trained network predicts for encoded rows on disk, and the few rows that stand for all in explanations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.encoding import Scaling
from pipeline.data.schema import GROUP, TARGET
from pipeline.model.intervals import PredictedRows
from pipeline.model.network import Regressor
from pipeline.training.loader import row_groups

MAX_ROWS = 1 << 18  # of a file with more, every n-th row is predicted
BACKGROUND_ROWS = 256


def sampling_step(path: Path) -> int:
    """Every how many-th row of the file is predicted: each one, unless there are more than `MAX_ROWS`."""
    return max(1, -(-count_rows(path) // MAX_ROWS))  # rounded up


def count_rows(path: Path) -> int:
    """How many rows the file has."""
    rows: int = pq.read_metadata(path).num_rows
    return rows


def predict_file(path: Path, network: Regressor, scaling: Scaling) -> PredictedRows:
    """Every `sampling_step`-th row of the file of encoded rows, with its prediction."""
    columns = list(dict.fromkeys((*network.columns, GROUP, TARGET)))
    parts, step, first = [], sampling_step(path), 0
    for group in row_groups(path, columns):
        rows = {name: group[name].to_numpy()[first::step] for name in columns}  # each (about group rows / step,)
        first = (first - group.num_rows) % step  # where the step meets the next group
        prediction = scaling.denormalise(network.predict(network.inputs(rows)).numpy())
        parts.append((prediction, rows[TARGET], rows[GROUP]))
    return PredictedRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def read_background(path: Path, columns: Sequence[str], prediction: np.ndarray) -> dict[str, np.ndarray]:
    """The codes of the file's representative rows, which the shares of an explanation are measured against.

    `prediction` is that of every `sampling_step`-th row.
    Shape: prediction (rows / step,); returns (`BACKGROUND_ROWS` at most,) int16 by column.
    """
    chosen = representative(prediction, count=BACKGROUND_ROWS) * sampling_step(
        path
    )  # (chosen,) row numbers in the file
    parts, start = [], 0
    for group in row_groups(path, columns):
        in_group = chosen[(start <= chosen) & (chosen < start + group.num_rows)]
        parts.append(group.take(pa.array(in_group - start)))
        start += group.num_rows
    table = pa.concat_tables(parts)
    return {name: table[name].to_numpy() for name in columns}


def representative(prediction: np.ndarray, *, count: int) -> np.ndarray:
    """The rows in the middle of `count` equal parts of all rows sorted by their prediction.

    So few rows have nearly the mean prediction of all, and no draw decides.
    Shape: (rows,); returns ascending row numbers, all of them if there are no more than `count`.
    Source: systematic sampling along a variable, as in Cochran, "Sampling Techniques" (1977), chapter 8.

    >>> representative(np.array([50.0, 10.0, 40.0, 30.0, 20.0, 60.0]), count=2).tolist()
    [0, 4]
    """
    parts = min(count, len(prediction))
    # part k of n spans ranks k/n to (k+1)/n of the rows: its middle is the rank (2k + 1) · rows / 2n, rounded down
    middles = (2 * np.arange(parts) + 1) * len(prediction) // (2 * parts)  # (parts,)
    return np.sort(np.argsort(prediction, kind="stable")[middles])
