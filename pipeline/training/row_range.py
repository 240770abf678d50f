"""Consecutive rows of a Parquet file, read one row group at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class RowRange:
    """A split's rows, all or those of a range, in the row groups of its file: the first and the last may be cut."""

    file: pq.ParquetFile
    rows: range

    @classmethod
    def whole(cls, path: Path) -> Self:
        """All rows of the split in the file. Raises: ValueError if it has none."""
        file = pq.ParquetFile(path)
        if not file.metadata.num_rows:
            raise ValueError(f"{path}: the split must have rows, found none; run dvc repro: the prepare stage says why")
        return cls(file, range(file.metadata.num_rows))

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def groups(self) -> Sequence[tuple[int, int, int]]:
        """Each row group with some of the rows: its number in the file, the first of these in it, how many they are."""
        found, end = [], 0
        for number in range(self.file.num_row_groups):
            start, end = end, end + self.file.metadata.row_group(number).num_rows  # in the file
            first, last = max(start, self.rows.start), min(end, self.rows.stop)
            if first < last:
                found.append((number, first - start, last - first))
        return found

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """What is to be read of one of `groups`, by its index there."""
        number, first, count = self.groups[group]
        return self.file.read_row_group(number, columns=list(columns)).slice(first, count)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """All of the rows."""
        return pa.concat_tables(self.read(group, columns) for group in range(len(self.groups)))
