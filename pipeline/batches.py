"""The DataLoader's own batches, gathered many at a time."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from pipeline.reproducible import DataLoader, TensorDataset, default_collate, torch

ROWS_PER_GATHER = 8192  # many enough to hide the cost of a gather, few enough to stay in the cache


def batches(loader: "DataLoader[tuple[torch.Tensor, ...]]") -> Iterator[list[torch.Tensor]]:
    """One epoch of the loader: the same batches, order and random draws as `for batch in loader`, sooner.

    A DataLoader fetches and stacks row by row, which is most of a small network's step. Here the sampler's rows are
    gathered from the dataset's tensors many at a time, then split into views. The order is drawn up to a gather ahead:
    what else draws during an epoch (dropout) needs a generator of its own.

    Shape: each batch holds one (batch_size, ...) tensor per tensor of the dataset; the last may be shorter.
    Raises: TypeError or ValueError if the loader does more than sample and stack the rows of a TensorDataset.
    Source: torch.utils.data.DataLoader, whose iteration the test uses as its oracle.

    >>> rows = TensorDataset(torch.arange(3), torch.arange(3) * 10)
    >>> [(x.tolist(), y.tolist()) for x, y in batches(DataLoader(rows, batch_size=2))]
    [([0, 1], [0, 10]), ([2], [20])]
    """
    dataset, size = loader.dataset, loader.batch_size
    if not isinstance(dataset, TensorDataset):
        raise TypeError(f"batches() serves a TensorDataset, found {type(dataset).__name__}: iterate the loader itself")
    if size is None or loader.collate_fn is not default_collate:
        raise ValueError("batches() needs batch_size and the default collate_fn: iterate the loader itself")
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)  # the workers' base seed, drawn every epoch
    order = iter(loader.sampler)
    rows_per_gather = max(1, ROWS_PER_GATHER // size) * size
    while len(rows := np.fromiter(islice(order, rows_per_gather), np.int64)) >= (size if loader.drop_last else 1):
        chosen = torch.from_numpy(rows[: len(rows) // size * size] if loader.drop_last else rows)
        columns = (torch.split(column.index_select(0, chosen), size) for column in dataset.tensors)
        yield from map(list, zip(*columns, strict=True))
