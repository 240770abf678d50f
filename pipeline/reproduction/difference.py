"""The largest difference between the numbers of two files of the same kind."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from safetensors.numpy import load as read_safetensors

Numbers = Mapping[str, np.ndarray]  # by column, tensor or dotted path


def describe_difference(path: str, recorded: bytes, retrained: bytes) -> str:
    """In words, how far the numbers in two versions of a file are from each other at most, and where.

    >>> describe_difference("full.json", b'{"test": {"r2": 0.5, "rows": 3}}', b'{"test": {"r2": 0.25, "rows": 3}}')
    'largest difference 0.25, in test.r2'
    """
    read = READERS.get(Path(path).suffix)
    if read is None:
        return "holds no numbers that could be compared"
    before, after = read(recorded), read(retrained)
    if only := before.keys() ^ after.keys():
        return f"{min(only)} is only in what was {'recorded' if min(only) in before else 'retrained'}"
    for name in before:
        if before[name].shape != after[name].shape:
            return f"{name} has shape {before[name].shape} recorded, {after[name].shape} retrained"
    gaps = {name: _largest_gap(before[name], after[name]) for name in before}
    if not any(gaps.values()):
        return "the bytes differ, no number does"
    name = max(gaps, key=lambda name: gaps[name])
    return f"largest difference {gaps[name]:.3g}, in {name}"


def _largest_gap(recorded: np.ndarray, retrained: np.ndarray) -> float:
    """The largest absolute difference; infinite where one of the two is no number."""
    both_nan = (recorded != recorded) & (retrained != retrained)  # NaN is what differs from itself
    same = (recorded == retrained) | both_nan
    if same.all():
        return 0.0
    one, other = (numbers[~same].astype(np.longdouble) for numbers in (recorded, retrained))  # holds any 64-bit integer
    gaps = np.abs(one - other)
    return float(np.where(np.isnan(gaps), np.inf, gaps).max())


def _columns(table: pa.Table) -> Numbers:
    """The columns of numbers. Shape: each (rows,)."""
    columns = zip(table.column_names, table.columns, strict=True)
    is_number = pa.types.is_integer, pa.types.is_floating
    return {name: column.to_numpy() for name, column in columns if any(test(column.type) for test in is_number)}


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, np.ndarray]]:
    """The numbers in a JSON value, each with its dotted path."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield ".".join(path), np.array(value)


READERS: Mapping[str, Callable[[bytes], Numbers]] = {
    ".csv": lambda data: _columns(pa.csv.read_csv(io.BytesIO(data))),
    ".json": lambda data: dict(_leaves(json.loads(data))),
    ".parquet": lambda data: _columns(pa.parquet.read_table(io.BytesIO(data))),
    ".safetensors": read_safetensors,
}
