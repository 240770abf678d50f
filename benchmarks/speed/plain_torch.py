"""The loops in plain PyTorch that people write, and the pipeline's own two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from benchmarks.speed.tasks import LEARNING_RATE, Task, Train
from pipeline.model.reproducible import DataLoader, TensorDataset, nn, torch
from pipeline.training.engines import CompiledLoop, EagerLoop
from pipeline.training.optimizer import FlatAdamW

CPU = torch.device("cpu")
Batches = Iterable[Iterable[torch.Tensor]]


def textbook(task: Task) -> Train:
    """The loop of every course."""
    return loop(task.network(), DataLoader(task.rows, task.batch, shuffle=True))


def workers(task: Task) -> Train:
    """The textbook's loop with two processes that fetch its batches."""
    return loop(task.network(), DataLoader(task.rows, task.batch, shuffle=True, num_workers=2))


def whole_batches(task: Task) -> Train:
    """The textbook's loop with a DataLoader that fetches a batch's rows at once and collates nothing."""
    sampler = torch.utils.data.RandomSampler(task.rows)
    rows = torch.utils.data.BatchSampler(sampler, task.batch, drop_last=False)
    return loop(task.network(), DataLoader(task.rows, batch_size=None, sampler=rows))


def compiled_network(task: Task) -> Train:
    """The textbook's loop with torch.compile(network)."""
    torch.compiler.reset()
    network: nn.Module = torch.compile(task.network())  # type: ignore[assignment]
    return loop(network, DataLoader(task.rows, task.batch, shuffle=True))


def indexed(task: Task) -> Train:
    """What an expert writes: no DataLoader but a permutation, and the fused Adam."""
    return loop(task.network(), Indexed(task.rows, task.batch), fused=True)


@dataclass(frozen=True)
class Indexed:
    """Shuffled batches by indexing."""

    rows: TensorDataset
    batch: int

    def __iter__(self) -> Iterator[list[torch.Tensor]]:
        for indices in torch.split(torch.randperm(len(self.rows)), self.batch):
            yield [column[indices] for column in self.rows.tensors]


def loop(network: nn.Module, batches: Batches, *, fused: bool | None = None) -> Train:
    """The textbook's steps on any source of batches."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=fused)
    criterion = nn.MSELoss()

    def train(epochs: int) -> None:
        for _ in range(epochs):
            for inputs, target in batches:
                optimizer.zero_grad()
                loss = criterion(network(inputs), target)
                loss.backward()
                optimizer.step()

    return train


def eager(task: Task) -> Train:
    """The pipeline's eager engine."""
    return ours(task, EagerLoop)


def compiled(task: Task) -> Train:
    """The pipeline's compiled engine."""
    return ours(task, CompiledLoop)


def ours(task: Task, engine: type[EagerLoop], *, device: torch.device = CPU) -> Train:
    """One of the pipeline's engines, its rows in the memory of the device."""
    network = task.regressor()
    network.move_to(device, seed=1)
    optimizer = FlatAdamW(network, learning_rate=LEARNING_RATE, weight_decay=0.0)
    rows = TensorDataset(*(column.to(device) for column in task.rows.tensors))
    loader = DataLoader(rows, task.batch, shuffle=True, generator=torch.Generator().manual_seed(1))
    trained = engine(network, nn.MSELoss(), optimizer)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            trained.epoch(loader, repeat(LEARNING_RATE))

    return train
