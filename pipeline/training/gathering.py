"""Who trains a recipe: this process alone, with the others that torchrun has started, or with some that it starts."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pipeline.model.reproducible import torch
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error
from pipeline.runtime.interrupts import INTERRUPTED
from pipeline.runtime.processes import run
from pipeline.training.workers import AGAIN, ALONE, MEETING_SECONDS, LostWorkerError, Workers, joined

VARIABLE = "TRAIN_WORKERS"
HOST = "127.0.0.1"
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0"}  # else gloo looks the host's name up
GRACE_SECONDS = 5  # in which one that has failed is found, before those that miss it end


@contextmanager
def gathered(shards: int | None, module: str, argv: Sequence[str] | None, *, where: str) -> Iterator[Workers]:
    """The workers that train in so many shards, for a block that trains; the module and its arguments start one.

    Started by torchrun, they are those; else TRAIN_WORKERS says how many, and the others run on this machine, as long
    as the block at most. A recipe without shards has one.
    Raises: RuleError if the shards cannot be dealt to them, or a worker fails; `where` is the recipe's path.
    """
    started, wanted = int(os.environ.get("WORLD_SIZE", "1")), os.environ.get(VARIABLE) or "1"
    if started > 1:
        _check(str(started), shards, what="torchrun's number of workers", where=where)
        with _as_one_of(started) as workers:
            yield workers
    elif shards and wanted != "1":
        _check(wanted, shards, what=VARIABLE, where=where)
        command = [sys.executable, "-m", module, *(sys.argv[1:] if argv is None else argv)]
        with _with_others(int(wanted), command) as workers:
            yield workers
    else:
        yield ALONE


def _check(count: str, shards: int | None, *, what: str, where: str) -> None:
    if shards is None:
        fix = f"set {where}.shards, or start one worker"
        raise RuleError(what, rule=f"must be 1, since {where}.shards is null", found=count, fix=fix)
    allowed = [str(1 << power) for power in range(shards.bit_length())]  # the divisors of a power of 2
    if count not in allowed:
        rule = f"must divide {where}.shards, {shards}"
        raise RuleError(what, rule=rule, found=count, fix=f"choose one of {', '.join(allowed)}")


@contextmanager
def _as_one_of(count: int) -> Iterator[Workers]:
    """This process among those that torchrun has started, or that the first worker has."""
    wait_for = timedelta(seconds=MEETING_SECONDS)
    store, rank, _ = next(torch.distributed.rendezvous("env://", timeout=wait_for))  # type: ignore[attr-defined]
    with _only_the_first_speaks(rank), joined(store, Workers(rank, count)) as workers:
        yield workers


@contextmanager
def _only_the_first_speaks(rank: int) -> Iterator[None]:
    """The first worker says that another is lost, or that all are interrupted; the others end without a word."""
    try:
        try:
            yield
        except LostWorkerError:
            if rank == 0:
                raise
            time.sleep(GRACE_SECONDS)  # who started them sees first which one has failed, and then ends the others
            sys.exit(1)
    except KeyboardInterrupt:
        if rank == 0:
            raise
        sys.exit(INTERRUPTED)


@contextmanager
def _with_others(count: int, command: Sequence[str]) -> Iterator[Workers]:
    """This process as the first, and the others as processes that end with the block."""
    os.environ.update(LOOPBACK)
    over, others = threading.Event(), list[Future[bytes]]()
    with socket.create_server((HOST, 0)) as server, ThreadPoolExecutor(count - 1) as threads:
        port = server.getsockname()[1]
        store = torch.distributed.TCPStore(  # type: ignore[attr-defined]
            HOST, port, is_master=True, master_listen_fd=os.dup(server.fileno())
        )
        meeting = {"MASTER_ADDR": HOST, "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
        try:
            for rank in range(1, count):
                environment = {**os.environ, **meeting, "RANK": str(rank)}
                others.append(threads.submit(_run, rank, command, environment, over))
            with joined(store, Workers(0, count), watch=lambda: _raise_first_of(others, seconds=0)) as workers:
                yield workers
        except LostWorkerError:
            _raise_first_of(others, seconds=GRACE_SECONDS)
            raise
        finally:
            over.set()


class _OverError(Exception):
    """The first worker needs the others no longer."""


def _run(rank: int, command: Sequence[str], environment: Mapping[str, str], over: threading.Event) -> bytes:
    def end_if_over() -> None:
        if over.is_set():
            raise _OverError

    with as_rule_error(CommandError, f"worker {rank + 1}", rule="must train to the end", fix=AGAIN):
        return run(command, folder=Path.cwd(), environment=environment, watch=end_if_over)


def _raise_first_of(others: Iterable[Future[bytes]], *, seconds: float) -> None:
    """Raise what the first of them to end has failed of, if one ends in that time."""
    for other in wait(others, seconds, FIRST_COMPLETED).done:
        other.result()
