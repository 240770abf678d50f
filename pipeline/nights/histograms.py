"""How the values of a column are spread in yesterday's table and in tonight's."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipeline.data.raw_table import Table
from pipeline.data.schema import AMOUNTS, COLUMNS, NUMBERS
from pipeline.nights.drift import TableDrift
from pipeline.reporting.svg import round_ticks

VALUES, RANGES = 8, 9  # so many are told apart
TAIL = 0.02  # of the amounts lie below all ranges but the first, and above all but the last

Histogram = Mapping[str, tuple[float, float]]
"""By value, or by range of amounts: the shares of yesterday's and of tonight's rows that have it."""


def histograms(before: Table, after: Table, drift: TableDrift) -> dict[str, Histogram]:
    """Of each column that is beyond a limit beside yesterday's table: none of those that have moved slowly."""
    beyond = {measure.column for measure in (*drift.breaches, *drift.warnings) if not measure.since}
    tables = (before, after)
    return {
        name: _of_amounts([table.rows[name].to_numpy() for table in tables])
        if name in AMOUNTS
        else _of_values([table.rows[name] for table in tables], in_order=name in NUMBERS)
        for name in COLUMNS
        if name in beyond
    }


def _of_values(columns: Iterable[pa.DictionaryArray], *, in_order: bool) -> Histogram:
    """The values with the most rows, and all others as one; the most frequent first, or in order."""
    old, new = map(_shares, columns)
    first = sorted({*old, *new}, key=lambda value: (-max(old[value], new[value]), value))[:VALUES]
    found = {value: (old[value], new[value]) for value in (sorted(first, key=float) if in_order else first)}
    if others := len({*old, *new}) - len(first):
        shown = (sum(shares) for shares in zip(*found.values(), strict=True))
        old_rest, new_rest = (max(0.0, 1 - share) for share in shown)
        found[f"({others} others)"] = (old_rest, new_rest)
    return found


def _shares(column: pa.DictionaryArray) -> Counter[str]:
    """The share of the rows by value; 0 for others."""
    counted = pa.compute.value_counts(column.dictionary_decode().cast("string")).to_pylist()
    return Counter({each["values"]: each["counts"] / len(column) for each in counted})


def _of_amounts(columns: Sequence[np.ndarray]) -> Histogram:
    """Ranges with round ends, of which the first and the last are open."""
    low, high = np.quantile(np.concatenate(columns), [TAIL, 1 - TAIL])
    ends = round_ticks(float(low), float(high), most=RANGES)
    between = (f"{start:,.0f} to {end:,.0f}" for start, end in pairwise(ends))
    bounds = [f"below {ends[0]:,.0f}", *between, f"{ends[-1]:,.0f} or more"]
    old, new = (
        np.bincount(np.searchsorted(ends, column, side="right"), minlength=len(bounds)) / len(column)
        for column in columns
    )
    return {name: (float(one), float(other)) for name, one, other in zip(bounds, old, new, strict=True)}
