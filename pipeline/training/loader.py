"""Encoded rows on disk → shuffled batches of tensors: from memory, or streamed from the file in an order of its own."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.data.schema import HASH, NORMALISED
from pipeline.model.network import Regressor
from pipeline.model.reproducible import DataLoader, IterableDataset, TensorDataset, default_collate, torch
from pipeline.params import Recipe
from pipeline.training.equal_rows import WeightFile, weights
from pipeline.training.row_range import RowRange

RowLoader = DataLoader[tuple[torch.Tensor, ...]]
Part = tuple[range, int, torch.Generator]  # rows of a file, the size of their batches, and what draws their order
ROWS_IN_MEMORY = 1 << 21  # more are streamed from the file
ROWS_PER_GATHER = 8192  # many enough to hide the cost of a gather, few enough to stay in the cache
GROUPS_PER_WINDOW = 4  # row groups in memory at a time


def read_rows(path: Path, network: Regressor) -> TensorDataset:
    """The split's inputs as the network reads them, and its normalised targets.

    Shape: (rows, columns) and (rows, 1).
    Raises: ValueError if the split has no row.
    """
    return TensorDataset(*_tensors(network, RowRange.whole(path).table([*network.columns, NORMALISED])))


def loader_of(
    path: Path, network: Regressor, recipe: Recipe, *, generator: torch.Generator, scratch: Path
) -> RowLoader:
    """A loader of read_rows' rows, in an order that the generator draws anew each epoch.

    If equal rows count once, it serves each row's weight, too: 1 / how many are equal, scaled to a mean of 1.
    Up to ROWS_IN_MEMORY rows lie in memory; more are streamed from the file, shuffled some row groups at a time, and
    their weights from a file in the folder `scratch`, which is made then.
    Shape: inputs (rows, columns), targets (rows, 1), weights (rows, 1).
    Raises: ValueError if the split has no row.
    """
    all_rows = RowRange.whole(path).rows, recipe.batch_size, generator
    return loaders_of(path, network, recipe, [all_rows], scratch=scratch)[0]


def loaders_of(
    path: Path, network: Regressor, recipe: Recipe, parts: Iterable[Part], *, scratch: Path
) -> list[RowLoader]:
    """Loaders like that of `loader_of`, each of a part of the rows; how many all are decides where they lie."""
    file, columns, tensors = RowRange.whole(path), [*network.columns, NORMALISED], partial(_tensors, network)
    in_memory, once, loaders = len(file) <= ROWS_IN_MEMORY, recipe.equal_rows == "once", []
    in_file = WeightFile.write(file.file, scratch) if once and not in_memory else None
    in_array = weights(file.table([HASH])[HASH].to_numpy()) if once and in_memory else None  # (all rows,)
    for own, size, generator in parts:
        rows = replace(file, rows=own)
        dataset: TensorDataset | StreamedRows = StreamedRows(rows, columns, tensors, generator, in_file)
        if in_memory:
            weight = None if in_array is None else in_array[own.start : own.stop]
            dataset = TensorDataset(*tensors(rows.table(columns), weight))
        loaders.append(DataLoader(dataset, size, shuffle=in_memory, generator=generator))
    return loaders


def batches(loader: RowLoader) -> Iterator[list[torch.Tensor]]:
    """One epoch of the loader: the same batches, order and random draws as `for batch in loader`, sooner.

    A DataLoader fetches and stacks row by row, which is most of a small network's step. Here the sampler's rows are
    gathered from the dataset's tensors many at a time, then split into views. The order is drawn up to a gather ahead:
    what else draws during an epoch (dropout) needs a generator of its own.

    Shape: each batch holds one (batch_size, ...) tensor per tensor of the dataset; the last may be shorter.
    Raises: TypeError or ValueError if the loader does more than sample and stack rows of tensors.
    Source: torch.utils.data.DataLoader, whose iteration the test uses as its oracle.

    >>> rows = TensorDataset(torch.arange(3), torch.arange(3) * 10)
    >>> [(x.tolist(), y.tolist()) for x, y in batches(DataLoader(rows, batch_size=2))]
    [([0, 1], [0, 10]), ([2], [20])]
    """
    for block in blocks(loader):  # each column (rows, ...), such as (8192, 8) inputs and (8192, 1) targets
        columns = (torch.split(column, loader.batch_size or 1) for column in block)  # views of (batch_size, ...)
        yield from map(list, zip(*columns, strict=True))


def blocks(loader: RowLoader) -> Iterator[list[torch.Tensor]]:
    """The rows of `batches`, many whole batches at a time: `rows_per_block`, but for the last block.

    Shape: each block holds one (rows, ...) tensor per tensor of the dataset.
    """
    dataset, size = loader.dataset, loader.batch_size
    if not isinstance(dataset, TensorDataset | StreamedRows):
        raise TypeError(f"batches() serves rows of tensors, found {type(dataset).__name__}: iterate the loader itself")
    if size is None or loader.collate_fn is not default_collate:
        raise ValueError("batches() needs batch_size and the default collate_fn: iterate the loader itself")
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)  # the workers' base seed, drawn every epoch
    rows = rows_per_block(loader)
    served = dataset.blocks(rows) if isinstance(dataset, StreamedRows) else _gathered(dataset, loader.sampler, rows)
    for block in served:
        end = len(block[0]) // size * size if loader.drop_last else len(block[0])  # only the last has a shorter batch
        if end:
            yield [column[:end] for column in block]


def rows_per_block(loader: RowLoader) -> int:
    """How many rows a whole block of the loader has: a multiple of its batch size."""
    size = loader.batch_size or 1
    return max(1, ROWS_PER_GATHER // size) * size


def _gathered(dataset: TensorDataset, sampler: Iterable[int], rows: int) -> Iterator[list[torch.Tensor]]:
    """The dataset's rows in the sampler's order, so many at a time."""
    order, device = iter(sampler), dataset.tensors[0].device
    while len(chosen := np.fromiter(islice(order, rows), np.int64)):  # (rows,), of the last block fewer
        indices = torch.from_numpy(chosen).to(device)
        yield [column.index_select(0, indices) for column in dataset.tensors]  # each (rows, ...)


@dataclass(frozen=True)
class StreamedRows(IterableDataset[tuple[torch.Tensor, ...]]):
    """Rows of a Parquet file, in a new order each epoch: row groups are drawn, and shuffled several together.

    The row groups that are shuffled together are a window. A row never meets the rows of other windows, so the order is
    nearly, not quite, that of a whole shuffle. `tensors` turns a table of rows, and their weights if there are any,
    into the tensors to serve, (rows, ...) each.
    """

    file: RowRange
    columns: list[str]
    tensors: Callable[..., list[torch.Tensor]]
    generator: torch.Generator
    weights: WeightFile | None = None

    def __len__(self) -> int:
        return len(self.file)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        for block in self.blocks(1):
            yield tuple(column[0] for column in block)

    def blocks(self, rows: int) -> Iterator[list[torch.Tensor]]:
        """One epoch, in blocks of as many rows; the last may be shorter. The order is the same for any size."""
        rest: list[torch.Tensor] = []  # what is too little for a block, each (fewer than rows, ...)
        groups = torch.randperm(len(self.file.groups), generator=self.generator)  # (row groups,)
        for window in torch.split(groups, GROUPS_PER_WINDOW):
            columns = self._shuffled(window.tolist(), rest)  # each (rows of the rest and of the window, ...)
            end = len(columns[0]) // rows * rows
            for start in range(0, end, rows):
                yield [column[start : start + rows] for column in columns]
            rest = [column[end:].clone() for column in columns]
            del columns  # the next window takes its place in memory
        if len(rest[0]):
            yield rest

    def _shuffled(self, groups: list[int], rest: list[torch.Tensor]) -> list[torch.Tensor]:
        """The rest of the window before, then the rows of the row groups in a new order."""
        parts = [self._row_group(group) for group in groups]
        order = torch.randperm(sum(len(part[0]) for part in parts), generator=self.generator)  # (rows of all groups,)
        columns = [torch.cat(column).index_select(0, order.to(column[0].device)) for column in zip(*parts, strict=True)]
        return [torch.cat(pair) for pair in zip(rest, columns, strict=True)] if rest else columns

    def _row_group(self, group: int) -> list[torch.Tensor]:
        table, (number, first, count) = self.file.read(group, self.columns), self.file.groups[group]
        if self.weights is None:
            return self.tensors(table)
        return self.tensors(table, self.weights.of_group(number)[first : first + count])


def _tensors(network: Regressor, table: pa.Table, weight: np.ndarray | None = None) -> list[torch.Tensor]:
    """The table's rows as inputs (rows, columns), targets (rows, 1) and, if they have any, weights (rows, 1)."""
    columns = {name: table[name].to_numpy() for name in table.column_names}  # each (rows,)
    numbers = [columns[NORMALISED].astype(np.float32), *([] if weight is None else [weight])]
    tensors = [network.inputs(columns), *(torch.from_numpy(number).unsqueeze(1) for number in numbers)]
    return [tensor.to(network.device) for tensor in tensors]
