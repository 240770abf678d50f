"""The pipeline's training loop against the textbook's on the same GPU, by the clock.

`python -m benchmarks.gpu` prints a table for docs/speed.md, on the prepared sample. `--device cpu` tries it on the CPU.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.speed.plain_torch import loop, ours
from benchmarks.speed.tasks import Task, Train, read_task
from pipeline.model.network import Regressor
from pipeline.model.reproducible import DataLoader, device_for, torch
from pipeline.runtime.arguments import finite, whole
from pipeline.runtime.command import command
from pipeline.training.engines import EagerLoop

TASKS = (("course", 4), ("full", 512), ("full", 4096), ("full", 65_536))


def main() -> None:
    """Let both loops take turns on every task, print a line of the table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rounds", type=whole(1), default=5)
    parser.add_argument("--seconds", type=finite, default=1.0, help="of a turn, at least")
    arguments = parser.parse_args()
    with command("benchmarks.gpu"):
        device = device_for(arguments.device)
        where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
        print(f"On {where}, with torch {torch.__version__}:\n")
        print("| recipe, batch size | textbook, steps/s | ours, steps/s | ours, rows/s | ours / textbook |")
        print("|---|---|---|---|---|")
        for network, batch in TASKS:
            task = read_task(network, batch)
            trains = {"textbook": textbook(task, device), "ours": ours(task, EagerLoop, device=device)}
            print(line(task, network, speeds(trains, task, device, rounds=arguments.rounds, seconds=arguments.seconds)))


@dataclass(frozen=True)
class OnDevice:
    """The textbook's batches, each copied to the device as it comes."""

    loader: DataLoader[tuple[torch.Tensor, ...]]
    device: torch.device

    def __iter__(self) -> Iterator[list[torch.Tensor]]:
        for batch in self.loader:
            yield [column.to(self.device) for column in batch]


def textbook(task: Task, device: torch.device) -> Train:
    """The loop of every course, on a GPU."""
    network = task.network()
    if isinstance(network, Regressor):
        network.move_to(device, seed=1)
    return loop(network.to(device), OnDevice(DataLoader(task.rows, task.batch, shuffle=True), device))


def speeds(
    trains: dict[str, Train], task: Task, device: torch.device, *, rounds: int, seconds: float
) -> dict[str, float]:
    """The steps per second of each loop, in the median of the rounds; two epochs before them are not counted."""
    steps = len(task.rows) // task.batch
    epochs = {
        name: math.ceil(seconds / min(seconds_of(train, 1, device) for _ in range(2))) for name, train in trains.items()
    }
    times = [{name: seconds_of(train, epochs[name], device) for name, train in trains.items()} for _ in range(rounds)]
    return {name: steps * epochs[name] / median(turn[name] for turn in times) for name in trains}


def seconds_of(train: Callable[[int], object], epochs: int, device: torch.device) -> float:
    """How long so many epochs take, until the device has made the last of their steps."""
    started = time.perf_counter()
    train(epochs)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def line(task: Task, network: str, found: dict[str, float]) -> str:
    """A task's line of the table."""
    plain, our = found["textbook"], found["ours"]
    return f"| {network}, {task.batch:,} | {plain:,.0f} | {our:,.0f} | {our * task.batch:,.0f} | {our / plain:.2f} |"


if __name__ == "__main__":
    main()
