"""The reference: what is kept in git of the table of an earlier night, to measure slow changes against."""

import datetime
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import field_validator

from pipeline.data.raw_table import Table
from pipeline.data.schema import AMOUNTS, COLUMNS
from pipeline.nights.record_files import REFERENCE
from pipeline.runtime import escape
from pipeline.runtime.json_file import read_bytes
from pipeline.runtime.sections import Section

TENTHS = np.linspace(0.1, 0.9, 9)  # the quantiles between ten equal parts
LARGEST = 1 << 26  # bytes of the file
RARER = "(rarer)"  # all values of a column of too few rows to be told of
CATEGORIES = tuple(name for name in COLUMNS if name not in AMOUNTS)


class Tenths(Section):
    """An amount's nine quantiles between ten equal parts, and how many rows lie in each part."""

    ends: tuple[float, float, float, float, float, float, float, float, float]
    counts: tuple[int, int, int, int, int, int, int, int, int, int]


class Summary(Section):
    """What later tables are measured against: how many rows have each value; the target's mean and deviation."""

    rows: int
    categories: dict[str, dict[str, int]]  # by column that is no amount, and by value
    amounts: dict[str, Tenths]
    target_mean: float
    target_spread: float

    @field_validator("categories", "amounts")
    @classmethod
    def _of_each_column(cls, columns: dict[str, object]) -> dict[str, object]:
        if tuple(columns) not in (CATEGORIES, AMOUNTS):
            raise ValueError(f"must be of the columns of the contract; found {', '.join(columns)[:80]}")
        return columns

    @classmethod
    def of(cls, table: Table, *, least_rows: int = 1) -> "Summary":
        """The summary of a table; values of fewer rows are one, and ends that may be such rows' amounts are rounded."""
        return cls(
            rows=len(table.hashes),
            categories={name: _rare_as_one(_count(table.rows[name]), least_rows) for name in CATEGORIES},
            amounts={name: _tenths(table.rows[name].to_numpy(), rounded=least_rows > 1) for name in AMOUNTS},
            target_mean=float(table.target.mean()),
            target_spread=float(table.target.std()),
        )

    def counts_beside(self, later: Table, column: str) -> tuple[np.ndarray, np.ndarray]:
        """How many rows of each have each value that one of them has; an amount lies in one of these tenths.

        Shape: two (values,).
        """
        if column in AMOUNTS:
            known = self.amounts[column]
            return np.array(known.counts), _counts_between(later.rows[column].to_numpy(), np.array(known.ends))
        old, new = Counter(self.categories[column]), Counter(_count(later.rows[column]))
        if RARER in old:  # what is new then may have been rare before
            new[RARER] = sum(new.pop(value) for value in new.keys() - old.keys())
        values = sorted({*old, *new})
        before, after = (np.array([counts[value] for value in values]) for counts in (old, new))
        return before, after


class Reference(Section):
    """A table's summary, and the date of the night that accepted it."""

    night: datetime.date
    table: Summary

    def write(self, project: Path) -> None:
        """Write it into the project, the same bytes for the same table: a deviation's last places differ by CPU."""
        facts = self.model_dump(mode="json")
        facts["table"]["target_spread"] = float(f"{self.table.target_spread:.6g}")
        (project / REFERENCE).write_text(escape.json_text(facts), encoding="utf-8")


def read_reference(project: Path) -> Reference | None:
    """The project's reference; None if there is none, or one that is damaged or of other columns: it begins anew."""
    try:
        return Reference.model_validate_json(read_bytes(project / REFERENCE, largest=LARGEST))
    except (FileNotFoundError, ValueError):
        return None


def _count(column: pa.DictionaryArray) -> dict[str, int]:
    """How many rows have each value that there is, most frequent first."""
    counts = Counter[str]()
    rows = np.bincount(column.indices.to_numpy(), minlength=len(column.dictionary))
    for value, count in zip(column.dictionary.cast("string").to_pylist(), rows.tolist(), strict=True):
        counts[value] += count  # an estimated year stands in the dictionary beside the same year
    return {value: count for value, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if count}


def _rare_as_one(counts: dict[str, int], least_rows: int) -> dict[str, int]:
    """The counts, with those below `least_rows` as one. That may be smaller, too: then nobody knows of which value."""
    kept = {value: count for value, count in counts.items() if count >= least_rows}
    rest = sum(counts.values()) - sum(kept.values())
    return {**kept, RARER: rest} if rest else kept


def _tenths(amounts: np.ndarray, *, rounded: bool) -> Tenths:
    ends = np.quantile(amounts, TENTHS)  # (9,): equal ones, where many amounts are, leave the tenth between empty
    if rounded:
        ends = np.array([float(f"{end:.2g}") for end in ends])
    return Tenths(ends=tuple(ends.tolist()), counts=tuple(_counts_between(amounts, ends).tolist()))


def _counts_between(amounts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many amounts lie between each two ends. Shape: (ends + 1,)."""
    return np.bincount(np.searchsorted(ends, amounts), minlength=len(ends) + 1)
