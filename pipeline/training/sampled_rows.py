"""What a trained network predicts for encoded rows on disk, and the few rows that stand for all in explanations."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.code_rows import distinct_codes
from pipeline.data.encoding import Scaling
from pipeline.data.parquet import row_groups
from pipeline.data.schema import GROUP, HASH, TARGET
from pipeline.model.intervals import PredictedRows
from pipeline.model.trained import TrainedNetwork

MAX_ROWS = 1 << 18  # of a file with more, every n-th row is predicted


def read_sample(path: Path, network: TrainedNetwork) -> dict[str, np.ndarray]:
    """The file's encoded rows, each one or, of more than `MAX_ROWS`, every n-th: the columns that predictions need.

    Shape: each (`MAX_ROWS` at most,).
    """
    columns = list(dict.fromkeys((*network.columns, GROUP, TARGET, HASH)))
    step, first, parts = max(1, -(-pq.read_metadata(path).num_rows // MAX_ROWS)), 0, []  # the quotient rounded up
    for group in row_groups(path, columns):
        parts.append(group.take(pa.array(range(first, group.num_rows, step), pa.int64())))
        first = (first - group.num_rows) % step  # where the step meets the next group
    rows = pa.concat_tables(parts)
    return {name: rows[name].to_numpy() for name in columns}


def distinct_rows(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first of the rows that are equal in all columns of the raw table."""
    _, first = np.unique(rows[HASH], return_index=True)
    return {name: column[first] for name, column in rows.items()}


def predict_rows(rows: Mapping[str, np.ndarray], network: TrainedNetwork, scaling: Scaling) -> PredictedRows:
    """The rows of a sample, with their predictions; each different row of codes is predicted once."""
    codes, inverse = distinct_codes(rows, network.columns)
    predicted = network.predict_normalised(codes)  # (different rows,)
    return PredictedRows(scaling.denormalise(predicted)[inverse], rows[TARGET], rows[GROUP])


def representative_rows(prediction: np.ndarray, *, count: int) -> np.ndarray:
    """The rows in the middle of `count` equal parts of all rows sorted by their prediction.

    So few rows have nearly the mean prediction of all, and no draw decides.
    Shape: (rows,); returns ascending row numbers, all of them if there are no more than `count`.
    Source: systematic sampling along a variable, as in Cochran, "Sampling Techniques" (1977), chapter 8.

    >>> representative_rows(np.array([50.0, 10.0, 40.0, 30.0, 20.0, 60.0]), count=2).tolist()
    [0, 4]
    """
    parts = min(count, len(prediction))
    # part k of n spans ranks k/n to (k+1)/n of the rows: its middle is the rank (2k + 1) · rows / 2n, rounded down
    middles = (2 * np.arange(parts) + 1) * len(prediction) // (2 * parts)  # (parts,)
    return np.sort(np.argsort(prediction, kind="stable")[middles])
