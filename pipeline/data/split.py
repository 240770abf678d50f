"""Which rows are for training, validation or test: a hash of the row's own content decides, and nothing else.

So the order of rows, the blocks they come in and the Python version play no part; equal rows are always in one split;
and a row keeps its split when tomorrow's table is longer.
"""

import hashlib

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.schema import FEATURES, NUMBERS, TARGET

SPLITS = ("train", "valid", "test")
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2 ** 64 / the golden ratio, odd: a product with it loses no bit


def row_hash(rows: pa.RecordBatch, *, salt: str) -> np.ndarray:
    """One 64-bit hash per row of the features and the target, from one stable hash per distinct value.

    Shape: rows of features and target; returns (rows,) uint64.
    Source: blake2b of texts; numbers and rows are mixed by the finalizer of splitmix64 (Steele et al., 2014).
    """
    state = np.zeros(rows.num_rows, np.uint64)  # products wrap around at 2 ** 64
    for name in (*FEATURES, TARGET):
        # The product makes the order of columns count: without it, values that change places would cancel out.
        state = (state ^ _column_hashes(name, rows[name], salt)) * GOLDEN
        state ^= state >> np.uint64(32)  # a product moves bits up only: this brings the upper half down again
    return _mix(state)


def assign(hashes: np.ndarray, settings: params.Split) -> np.ndarray:
    """The split of each row, as its position in `SPLITS`.

    Shape: hashes (rows,) uint64; returns (rows,) int8.

    >>> quarters = params.Split(salt="any", valid_fraction=0.25, test_fraction=0.25)
    >>> assign(np.array([0, 2**63, 2**64 - 1], np.uint64), quarters)
    array([2, 0, 0], dtype=int8)
    """
    # The upper 53 bits are as many as a float64 keeps: a uniform number in [0, 1), without rounding.
    uniform = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
    test_end, valid_end = settings.test_fraction, settings.test_fraction + settings.valid_fraction
    return (uniform < test_end).astype(np.int8) + (uniform < valid_end)  # 2 below the first, 1 below the second


def _column_hashes(name: str, column: pa.Array, salt: str) -> np.ndarray:
    """The hash of each row's value in the column. Shape: (rows,) uint64."""
    if isinstance(column, pa.DictionaryArray):
        of_values = _column_hashes(name, column.dictionary, salt)  # (distinct values,)
        hashes: np.ndarray = of_values.take(column.indices.to_numpy())
        return hashes
    if name in NUMBERS:
        return _mix(column.to_numpy().astype(np.uint64) ^ np.uint64(_digest(name, salt)))
    return np.array([_digest(f"{name}={value}", salt) for value in column.to_pylist()], np.uint64)


def _mix(state: np.ndarray) -> np.ndarray:
    """The finalizer of splitmix64: numbers that differ in one bit become some that differ in about half, one to one."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = state ^ (state >> np.uint64(31))
    return mixed


def _digest(text: str, salt: str) -> int:
    """A 64-bit number from the text, another one with each salt."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt.encode()).digest(), "little")
