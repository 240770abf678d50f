"""Dask's workers, on this machine or in a cluster. A lost worker is no error: others compute what it had to do.

Who reaches a scheduler of Dask runs code there, as its messages are pickled. So workers of this machine are talked to
over TLS, with keys that end with them; how a cluster is protected, Dask's own settings say (`distributed.comm.tls`).
"""

import hashlib
import importlib.metadata
import re
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, get_worker, wait
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError
from tqdm import tqdm

from pipeline.runtime.errors import RuleError, as_rule_error
from pipeline.runtime.packages import installed
from pipeline.runtime.wanted import while_wanted

T = TypeVar("T")
R = TypeVar("R")
LOCAL = "local:"
CONNECT_SECONDS = 10  # to reach the scheduler
WORKER_SECONDS = 60  # to wait for a first worker, for one after the last, and for tasks that nobody needs
AHEAD = 2  # items under way for each thread of a worker: one waits while another is computed
CODE = "the project's code"


@dataclass(frozen=True)
class DaskWorkers:
    """The workers of a client's scheduler, and what each must have, by its name: the code, and packages' versions."""

    client: Client
    required: Mapping[str, str]

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
        """As `pipeline.runtime.workers.Workers` says."""
        waiting = deque[tuple[T, Future]]()
        try:
            for item in items:
                with _as_lost_scheduler():
                    task = self.client.submit(_compute, function, item, required=self.required, pure=False)
                    waiting.append((item, task))
                    is_full = len(waiting) > AHEAD * self._threads()
                if is_full:
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            self._leave([task for _, task in waiting])

    def _leave(self, tasks: Sequence[Future]) -> None:
        """Let tasks end whose results nobody waits for any more: no worker writes when this has returned."""
        with suppress(Exception), self.client.as_current():  # what made them needless is told
            if tasks:
                wait(tasks, timeout=WORKER_SECONDS)
            for task in tasks:
                task.cancel()

    def _threads(self) -> int:
        return max(1, sum(dict[str, int](self.client.nthreads()).values()))

    def _result(self, item: object, task: Future) -> Any:  # noqa: ANN401 (what the function returns)
        rule = "must be computed by the workers"
        try:
            with _as_lost_scheduler():
                while True:
                    try:
                        return task.result(timeout=WORKER_SECONDS)
                    except TimeoutError:
                        if task.done():
                            raise
                    self.require_workers()
        except KilledWorker as error:
            found = f"that {error.allowed_failures + 1} workers died of it"
            fix = "see the workers' logs: mostly they have too little memory"
            raise RuleError(str(item), rule=rule, found=found, fix=fix) from None

    def require_workers(self) -> None:
        """Raise RuleError if there is no worker, and none comes within a minute."""
        rule, fix = f"must have a worker within {WORKER_SECONDS} s", "start some: docs/cluster.md says how"
        with as_rule_error((TimeoutError, OSError), "Dask's scheduler", rule=rule, fix=fix):
            self.client.wait_for_workers(1, timeout=WORKER_SECONDS)

    def check(self) -> None:
        """Raise RuleError if there is no worker, or if one, or the scheduler, has not what it must have."""
        self.require_workers()
        try:
            found = self.client.run_on_scheduler(what_is_here, *self.required)
        except Exception as error:  # whatever keeps it from importing the code
            found = error
        _require_same(self.required, found, who="Dask's scheduler")
        for worker, found in sorted(self.client.run(what_is_here, *self.required, on_error="return").items()):
            _require_same(self.required, found, who=f"the worker {worker}")


@contextmanager
def dask_workers(address: str, *packages: str) -> Iterator[DaskWorkers]:
    """Those at the address, or of this machine: `local:4` starts four, and ends them.

    Raises: ValueError if the address is none; RuleError if nobody answers, or has other code or another version.
    """
    quiet = dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})  # blocks are its graphs
    with quiet, _client(address) as client:
        workers = DaskWorkers(client, what_is_here(CODE, *packages))
        workers.check()
        tqdm.write(f"{len(client.nthreads())} workers at {address}, dashboard {client.dashboard_link}", file=sys.stderr)
        yield workers


@contextmanager
def _client(address: str) -> Iterator[Client]:
    if address.startswith(LOCAL):
        if not re.fullmatch(r"[1-9]\d{0,2}", number := address.removeprefix(LOCAL)):
            raise ValueError(f"the number of workers must be 1 to 999, found {address}; write local:4")
        own = LocalCluster(
            n_workers=int(number),
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            security=True,
        )
        with own, Client(own, set_as_default=False) as client:
            yield client
        return
    with as_rule_error(OSError, f"Dask's scheduler {address}", rule="must answer", fix="start it, or mend the address"):
        found = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    with found as client:
        yield client


@contextmanager
def _as_lost_scheduler() -> Iterator[None]:
    try:
        yield
    except (CancelledError, CommClosedError, ClosedClientError):
        fix = "start it and run again"
        raise RuleError("Dask's scheduler", rule="must stay", found="it gone", fix=fix) from None


def _compute(function: Callable[[T], R], item: T, *, required: Mapping[str, str]) -> R:
    """What a worker computes; one may have come since the workers were checked."""
    _require_same(required, what_is_here(*required), who="the worker that computes")
    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    with while_wanted(lambda: task.state == "executing"):  # it is "cancelled" once the client has left or is gone
        return function(item)


def _require_same(required: Mapping[str, str], found: Mapping[str, str] | Exception, *, who: str) -> None:
    """Raise RuleError if somebody has not what it must have, or could not say what it has."""
    fix = "install the same commit and its requirements.lock there: docs/cluster.md"
    if isinstance(found, Exception):
        raise RuleError(who, rule=f"must have {CODE}", found=f"that {found}", fix=fix)
    for name, wanted in required.items():
        if found[name] != wanted:
            raise RuleError(who, rule=f"must have {name} {wanted}", found=found[name], fix=fix)


@cache
def what_is_here(*names: str) -> dict[str, str]:
    """The versions of these packages in this process, and the hash of all its code of the project."""
    return {name: _code() if name == CODE else _version(name) for name in names}


def _version(package: str) -> str:
    try:
        return installed(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _code() -> str:
    top = Path(__file__).parents[1]
    files = sorted(top.rglob("*.py"))
    parts = [part for file in files for part in (file.relative_to(top).as_posix().encode(), file.read_bytes())]
    sizes = [len(part).to_bytes(8) for part in parts]  # which keep files apart
    return hashlib.sha256(b"".join([*sizes, *parts])).hexdigest()[:12]
