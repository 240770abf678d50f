"""Rows that are too many for memory, in a shuffled order all the same."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.reproducible import IterableDataset, torch

GROUPS_PER_WINDOW = 4  # row groups in memory at a time


class StreamedRows(IterableDataset[tuple[torch.Tensor, ...]]):
    """The rows of a Parquet file, in a new order each epoch: row groups are drawn, and shuffled several together.

    A row never meets the rows of groups outside its window, so the order is nearly, not quite, that of a whole
    shuffle. `tensors` turns a table of rows into the tensors to serve, (rows, ...) each.
    """

    def __init__(
        self,
        path: Path,
        *,
        columns: list[str],
        tensors: Callable[[pa.Table], list[torch.Tensor]],
        generator: torch.Generator,
    ) -> None:
        self._file = pq.ParquetFile(path)
        self._columns, self._tensors, self._generator = columns, tensors, generator

    def __len__(self) -> int:
        rows: int = self._file.metadata.num_rows
        return rows

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        for block in self.blocks(1):
            yield tuple(column[0] for column in block)

    def blocks(self, rows: int) -> Iterator[list[torch.Tensor]]:
        """One epoch, in blocks of as many rows; the last may be shorter. The order is the same for any size."""
        left: list[torch.Tensor] = []
        groups = torch.randperm(self._file.num_row_groups, generator=self._generator)
        for window in torch.split(groups, GROUPS_PER_WINDOW):
            columns = self._shuffled(window.tolist(), left)
            whole = len(columns[0]) // rows * rows
            for start in range(0, whole, rows):
                yield [column[start : start + rows] for column in columns]
            left = [column[whole:].clone() for column in columns]
            del columns  # the next window takes its place in memory
        if len(left[0]):
            yield left

    def _shuffled(self, groups: list[int], left: list[torch.Tensor]) -> list[torch.Tensor]:
        """The rows that are left of the window before, then those of the row groups in a new order."""
        parts = [self._tensors(self._file.read_row_group(group, columns=self._columns)) for group in groups]
        order = torch.randperm(sum(len(part[0]) for part in parts), generator=self._generator)
        columns = [torch.cat(column).index_select(0, order.to(column[0].device)) for column in zip(*parts, strict=True)]
        return [torch.cat(pair) for pair in zip(left, columns, strict=True)] if left else columns
