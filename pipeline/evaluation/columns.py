"""The encoded rows of a split as columns, read in an order that the file does not decide."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.data.schema import HASH

Columns = Mapping[str, np.ndarray]
"""Some columns of encoded rows by name: codes, the target in either unit, the row's hash. Shape: each (rows,)."""


def read_split(path: Path) -> dict[str, np.ndarray]:
    """The split's columns, with the rows sorted by their hashes: so the file's own order leaves no trace.

    Shape: each (rows,).
    Raises: ValueError if the split has fewer than two rows.
    """
    table = pq.read_table(path)
    if table.num_rows < 2:
        raise ValueError(f"{path}: a split must have two rows or more to be scored, found {table.num_rows}")
    order = np.argsort(table[HASH].to_numpy(), kind="stable")
    return {name: table[name].to_numpy()[order] for name in table.column_names}
