"""Training loops that take turns: each lives in a process of its own, and one runs at a time."""

import importlib
import logging
import math
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it imports torch, which some loops want before it is pinned
    from benchmarks.speed.tasks import Task

PINS = ("MKL_CBWR", "ATEN_CPU_CAPABILITY")


@dataclass(frozen=True)
class TrainingLoop:
    """How to make a training loop: the `module:function` of this package, and whether torch's code paths are pinned."""

    maker: str
    pinned: bool = False


class Contestant:
    """A loop in a process of its own."""

    def __init__(self, loop: TrainingLoop) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(loop, theirs))
        self._process.start()
        theirs.close()

    def start(self, network: str, batch: int, *, seconds: float) -> float | str:
        """Make it ready for the task, with turns of so much processor time; seconds to start, or why it cannot."""
        self._connection.send((network, batch, seconds))
        answer: float | str = self._connection.recv()
        return answer

    def turn(self) -> float:
        """Train for a turn; seconds of processor time per step."""
        self._connection.send("turn")
        answer: float = self._connection.recv()
        return answer

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()


def _serve(loop: TrainingLoop, connection: Connection) -> None:
    """The process of a loop: make it ready for a task, or train for a turn, whenever asked, until nobody listens."""
    os.dup2(2, 1)  # what a library prints is no result
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if not loop.pinned:
        _choose_torch_code_before_it_is_pinned()
    from benchmarks.speed.tasks import read_task

    turn = _not_started
    with suppress(EOFError):
        while True:
            request = connection.recv()
            if request == "turn":
                connection.send(turn())
                continue
            network, batch, seconds = request
            task = read_task(network, batch)
            try:
                turn, starting = _ready(loop.maker, task, seconds=seconds)
                connection.send(starting)
            except (ModuleNotFoundError, FileNotFoundError):
                connection.send("not installed")
            except NotImplementedError:
                connection.send("not expressible")


def _not_started() -> float:
    raise RuntimeError("a contestant must start() a task before its turn()")


def _choose_torch_code_before_it_is_pinned() -> None:
    """Have torch read the variables of pipeline.model.reproducible while they are not set: as torch's users have it."""
    for name in PINS:
        os.environ.pop(name, None)
    import torch

    torch.ones(8, 8) @ torch.ones(8, 8)
    import pipeline.model.reproducible  # noqa: F401

    for name in PINS:
        del os.environ[name]


def _ready(maker: str, task: "Task", *, seconds: float) -> tuple[Callable[[], float], float]:
    """A turn on the task, and wall-clock seconds to start: making the loop and an epoch, less one more epoch."""
    started = time.monotonic()
    module, name = maker.split(":")
    train = getattr(importlib.import_module(f"benchmarks.speed.{module}"), name)(task)
    train(1)
    between = time.monotonic()
    cpu = _spent(train, 1)
    starting = (between - started) - (time.monotonic() - between)
    epochs = math.ceil(seconds / cpu)
    steps = epochs * len(task.rows) // task.batch
    return lambda: _spent(train, epochs) / steps, starting


def _spent(train: Callable[[int], object], epochs: int) -> float:
    """Seconds of processor time, that of ended child processes included."""
    before = _processor_time()
    train(epochs)
    return _processor_time() - before


def _processor_time() -> float:
    used = [getrusage(whose) for whose in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
