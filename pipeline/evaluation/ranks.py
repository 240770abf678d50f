"""Ranks of predictions among all rows, each prediction that of a cell of so many rows: as if all rows were sorted."""

import math

import numpy as np


def quantile(values: np.ndarray, rows: np.ndarray, level: float) -> float:
    """What `np.quantile` returns where each value stands as often as it has rows. Shape: both (cells,).

    >>> quantile(np.array([3.0, 1.0]), np.array([1, 2]), 0.5), quantile(np.array([3.0, 1.0]), np.array([1, 2]), 0.75)
    (1.0, 2.0)
    """
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(rows[order])  # (cells,): how many rows have this value or a lower one
    position = (ends[-1] - 1) * level  # from 0, between two rows
    below = math.floor(position)
    pair = values[order[np.searchsorted(ends, [below, min(below + 1, ends[-1] - 1)], side="right")]]
    return float(np.quantile(pair, position - below))


def rows_below(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many rows have a lower value than each of the values. Shape: both (cells,); returns (cells,) int64.

    >>> rows_below(np.array([3.0, 1.0, 3.0]), np.array([1, 2, 5])).tolist()
    [2, 0, 2]
    """
    order = np.argsort(values, kind="stable")
    starts = np.append(0, np.cumsum(rows[order])).astype(np.int64)  # (cells + 1,)
    found: np.ndarray = starts[np.searchsorted(values[order], values)]
    return found
