"""A few training rows that stand for all of them: what the shares of an explanation are measured against."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 256


def read_background(path: Path, columns: Sequence[str], prediction: np.ndarray, *, step: int) -> dict[str, np.ndarray]:
    """The codes of the representative rows of a file of encoded rows, given the prediction of every `step`-th row.

    Shape: prediction (rows / step,); returns (`ROWS` at most,) int16 by column.
    """
    chosen = representative(prediction, count=ROWS) * step
    parts, start, file = [], 0, pq.ParquetFile(path)
    for number in range(file.num_row_groups):
        group = file.read_row_group(number, columns=list(columns))
        here = chosen[(start <= chosen) & (chosen < start + group.num_rows)]
        parts.append(group.take(pa.array(here - start)))
        start += group.num_rows
    table = pa.concat_tables(parts)
    return {name: table[name].to_numpy() for name in columns}


def representative(prediction: np.ndarray, *, count: int) -> np.ndarray:
    """The rows in the middle of `count` equal parts of all rows sorted by their prediction.

    So few rows have nearly the mean prediction of all, and no draw decides.
    Shape: (rows,); returns ascending positions, all of them if there are no more than `count`.
    Source: systematic sampling along a variable, as in Cochran, "Sampling Techniques" (1977), chapter 8.

    >>> representative(np.array([50.0, 10.0, 40.0, 30.0, 20.0, 60.0]), count=2).tolist()
    [0, 4]
    """
    parts = min(count, len(prediction))
    middles = (2 * np.arange(parts) + 1) * len(prediction) // (2 * parts)
    return np.sort(np.argsort(prediction, kind="stable")[middles])
