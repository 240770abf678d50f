"""The DataLoader's own batches, gathered many at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from pipeline.model.reproducible import TensorDataset, default_collate, torch
from pipeline.training.loader import RowLoader, StreamedRows

ROWS_PER_GATHER = 8192  # many enough to hide the cost of a gather, few enough to stay in the cache


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
