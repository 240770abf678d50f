"""Which row is for training, validation or test: a hash of the row's own content decides, and nothing else.

So the order of rows, the blocks they come in and the Python version play no part; equal rows are always on one
side; and a row keeps its side when tomorrow's table is longer.
"""

import hashlib

import numpy as np
import pyarrow as pa

from pipeline.data.schema import FEATURES, NUMBERS, TARGET

SPLITS = ("train", "valid", "test")
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def row_hash(rows: pa.RecordBatch, *, salt: str) -> np.ndarray:
    """One 64-bit hash per row of the features and the target, from one stable hash per distinct value.

    Shape: rows of features and target; returns (rows,) uint64.
    Source: blake2b of texts; numbers and rows are mixed by the finalizer of splitmix64 (Steele et al., 2014).
    """
    state = np.zeros(rows.num_rows, np.uint64)
    for name in (*FEATURES, TARGET):
        state = (state ^ _column_hashes(name, rows[name], salt)) * GOLDEN
        state ^= state >> np.uint64(32)
    return _mix(state)


def assign(hashes: np.ndarray, *, valid_fraction: float, test_fraction: float) -> np.ndarray:
    """The position in `SPLITS` of each row.

    Shape: hashes (rows,) uint64; returns (rows,) int8.

    >>> assign(np.array([0, 2**63, 2**64 - 1], np.uint64), valid_fraction=0.25, test_fraction=0.25)
    array([2, 0, 0], dtype=int8)
    """
    place = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53  # uniform in [0, 1)
    return np.select([place < test_fraction, place < test_fraction + valid_fraction], [2, 1], 0).astype(np.int8)


def _column_hashes(name: str, column: pa.Array, salt: str) -> np.ndarray:
    if isinstance(column, pa.DictionaryArray):
        hashes: np.ndarray = _column_hashes(name, column.dictionary, salt)[column.indices.to_numpy()]
        return hashes
    if name in NUMBERS:
        return _mix(column.to_numpy().astype(np.uint64) ^ np.uint64(_digest(name, salt)))
    return np.array([_digest(f"{name}={value}", salt) for value in column.to_pylist()], np.uint64)


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = state ^ (state >> np.uint64(31))
    return mixed


def _digest(text: str, salt: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt.encode()).digest(), "little")
