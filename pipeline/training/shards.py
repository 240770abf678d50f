"""Batches cut into shards: which rows are whose, and a loop whose bytes do not depend on how many workers share it.

A number depends on how a sum is cut. So the recipe says into how many shards each batch is cut, and nothing else does:
each shard's gradient is computed from zero, at its own shape, and the gradients are added in pairs of neighbours, these
sums in pairs, and so on. A worker has some neighbouring shards and adds its part of that tree; workers add the rest.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from pipeline.model.network import Regressor
from pipeline.model.reproducible import torch
from pipeline.params import Recipe
from pipeline.training.loader import RowLoader, batches, loader_of, loaders_of
from pipeline.training.optimizer import FlatAdamW
from pipeline.training.row_range import RowRange
from pipeline.training.workers import ALONE, Workers

Tensors = Sequence[torch.Tensor]
Batch = Sequence[Tensors | None]
"""Of each of a worker's shards the inputs, the dropout's noise if there is any, and the target and its weights.

None is a shard without rows, as the last batch of an epoch may have.
"""


@dataclass(frozen=True)
class ShardedRows:
    """The rows of a worker's shards, and what it has to know of the others'.

    `first` is the number of its first shard among all `count`; `rows` and `batch_size` are those of all shards.
    """

    shards: Sequence[RowLoader]
    first: int
    count: int
    rows: int
    batch_size: int
    noise_width: int
    generator: torch.Generator

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return math.ceil(self.rows / self.batch_size)

    def batches(self) -> Iterator[tuple[int, Batch]]:
        """One epoch: how many rows each batch has in all shards, and what of it these shards have.

        Each worker draws the seeds of all shards, one for the order of its rows and one for its dropout. So the
        generator's state, which a checkpoint keeps, is the same in all workers.
        """
        seeds = torch.randint(1 << 32, (self.count, 2), generator=self.generator)  # as many bits as a seed has
        served = [
            self._served(shard, *pair) for shard, pair in zip(self.shards, seeds[self.first :].tolist(), strict=False)
        ]
        for start in range(0, self.rows, self.batch_size):
            yield min(self.batch_size, self.rows - start), [next(shard, None) for shard in served]

    def _served(self, shard: RowLoader, order: int, noise: int) -> Iterator[Tensors]:
        """The batches of one shard."""
        shard.generator.manual_seed(order)
        dropout = torch.Generator().manual_seed(noise)
        for inputs, *target in batches(shard):
            width = self.noise_width
            noises = [torch.rand(len(inputs), width, generator=dropout)] if width else []
            yield [inputs, *noises, *target]


@dataclass
class ShardedLoop:
    """Trains a network batch by batch like EagerLoop, each batch in shards, alone or together with other workers."""

    network: Regressor
    criterion: Callable[..., torch.Tensor]
    optimizer: FlatAdamW
    workers: Workers

    def epoch(self, rows: ShardedRows, rates: Iterator[float]) -> float:
        """One epoch, with the next of `rates` as the learning rate of each step; returns the rows' mean loss."""
        total = 0.0
        for size, batch in rows.batches():
            total += self.step(batch, next(rates), size=size) * size
        return total / rows.rows

    def step(self, batch: Batch, rate: float, *, size: int) -> float:
        """Train on a batch of `size` rows in all workers' shards; returns the mean of all these rows' losses."""
        sums = self.workers.sum(self._sum(batch, size))  # (parameters + 1,), the same in all workers
        self.optimizer.learning_rate = rate
        self.optimizer.grad.copy_(sums[:-1])
        self.optimizer.step()
        return float(sums[-1])

    def _sum(self, batch: Batch, size: int) -> torch.Tensor:
        """The shards' gradients and losses, added along the tree. Shape: (parameters + 1,), the loss at the end."""
        if len(batch) == 1:
            return self._of_one(batch[0], size)
        half = len(batch) // 2
        return self._sum(batch[:half], size).add_(self._sum(batch[half:], size))

    def _of_one(self, shard: Tensors | None, size: int) -> torch.Tensor:
        """A shard's share of the gradient and the loss of the whole batch. Shape: (parameters + 1,)."""
        grad, arguments = self.optimizer.grad, 2 if self.network.noise_width else 1
        if shard is None:
            return grad.new_zeros(len(grad) + 1)
        self.optimizer.zero_grad()
        loss = self.criterion(self.network(*shard[:arguments]), *shard[arguments:]) * (len(shard[0]) / size)
        loss.backward()  # type: ignore[no-untyped-call]
        return torch.cat([grad, loss.detach().view(1)])


def training_rows(
    path: Path,
    network: Regressor,
    recipe: Recipe,
    *,
    generator: torch.Generator,
    scratch: Path,
    workers: Workers = ALONE,
) -> RowLoader | ShardedRows:
    """The recipe's training rows: those of the worker's shards, or all of them in a loader if the recipe has no shards.

    A worker reads the rows of its own shards only, which follow each other in the file. `scratch` is loader_of's.
    Raises: ValueError if the split has no row, or fewer than shards.
    """
    if recipe.shards is None:
        return loader_of(path, network, recipe, generator=generator, scratch=scratch)
    count, size, rows = recipe.shards, recipe.batch_size, len(RowRange.whole(path))
    if rows < count:
        raise ValueError(f"{path}: the split must have a row for each of {count} shards, found {rows}; set fewer")
    first, own = workers.rank * count // workers.count, count // workers.count
    parts = [
        (part, share(size, shard, count), torch.Generator())
        for shard, part in enumerate(shard_rows(rows, batch_size=size, shards=count))
    ]
    shards = loaders_of(path, network, recipe, parts[first : first + own], scratch=scratch)
    return ShardedRows(shards, first, count, rows, size, network.noise_width, generator)


def shard_rows(rows: int, *, batch_size: int, shards: int) -> list[range]:
    """Which of a file's rows are each shard's: together as many as its shares of all batches.

    >>> shard_rows(10, batch_size=4, shards=2)  # of two batches of 4 and one of 2
    [range(0, 5), range(5, 10)]
    """
    whole, rest = divmod(rows, batch_size)
    counts = [whole * share(batch_size, shard, shards) + share(rest, shard, shards) for shard in range(shards)]
    return [range(end - count, end) for count, end in zip(counts, accumulate(counts), strict=True)]


def share(rows: int, shard: int, shards: int) -> int:
    """How many rows of a batch are a shard's: one more in the first ones, if they cannot be the same in all.

    >>> [share(10, shard, 4) for shard in range(4)]
    [3, 3, 2, 2]
    """
    return (rows + shards - 1 - shard) // shards
