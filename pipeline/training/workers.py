"""The workers that train one network together: sums and facts that are the same in all of them.

They talk over gloo, and meet as PyTorch's launcher, torchrun, has it. What decides the result knows nothing of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from pipeline.model.reproducible import torch
from pipeline.runtime.errors import RuleError

MEETING_SECONDS = 300  # until all are there: their imports take some
CONNECTING = timedelta(seconds=30)  # once all are there
ANSWERING = timedelta(minutes=10)  # of one that is still there: the first may be validating
LOOK_SECONDS = 0.02
AGAIN = "start it again: it goes on from the last checkpoint, with as many workers as you like"


class LostWorkerError(RuleError):
    """Another worker has ended, or does not answer."""


@dataclass(frozen=True)
class Workers:
    """This process among the workers of a training: its rank, from 0, and how many they are, a power of 2.

    Raises: LostWorkerError from all that talks to another worker: at once if that has ended, else after ANSWERING.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the worker that validates, keeps and shows."""
        return self.rank == 0

    def sum(self, own: torch.Tensor) -> torch.Tensor:
        """The sum of all workers' tensors: neighbours are added, then neighbouring pairs, and so on.

        Both sides of a pair add the same two tensors, and a + b is rounded as b + a: so all have the same bits.
        Shape: that of `own`, which is the same in all workers.
        """
        distance = 1
        while distance < self.count:
            other, partner = torch.empty_like(own), self.rank ^ distance
            with _talking_to(f"worker {partner + 1}"):
                sent = torch.distributed.isend(own, partner)
                _wait(torch.distributed.irecv(other, partner))
                _wait(sent)
            own, distance = own + other, distance * 2
        return own

    def told(self, say: Callable[[], bytes]) -> bytes:
        """What the first worker says, a byte or more, in all of them; the others do not call `say`."""
        if not self.first:
            size = self._received(torch.empty((), dtype=torch.int64))
            return self._received(torch.empty(int(size), dtype=torch.uint8)).numpy().tobytes()
        said = say()
        content = torch.frombuffer(bytearray(said), dtype=torch.uint8)
        for other in range(1, self.count):
            with _talking_to(f"worker {other + 1}"):
                for tensor in (torch.tensor(len(said)), content):
                    _wait(torch.distributed.isend(tensor, other))
        return said

    def number(self, compute: Callable[[], float]) -> float:
        """What the first worker computes, in all of them."""
        return float(self.told(lambda: repr(compute()).encode()))  # which has all digits

    def agree(self, what: str, fact: str) -> None:
        """Raise RuleError unless the fact is the first worker's."""
        if self.told(fact.encode) != fact.encode():
            fix = "give all workers one commit, params.yaml, versions of the packages, and prepared files"
            raise RuleError(f"worker {self.rank + 1}'s {what}", rule="must be worker 1's", found="others", fix=fix)

    def _received(self, tensor: torch.Tensor) -> torch.Tensor:
        with _talking_to("worker 1"):
            _wait(torch.distributed.irecv(tensor, 0))
        return tensor


ALONE = Workers()


@contextmanager
def joined(
    store: "torch.distributed.Store",  # type: ignore[name-defined]
    workers: Workers,
    *,
    watch: Callable[[], None] = lambda: None,
) -> Iterator[Workers]:
    """Meet the others at the store; the block may then talk to them.

    Raises: LostWorkerError if one does not come. Until all are there, `watch` is called, and may raise another error.
    """
    here = [f"worker {rank} is here" for rank in range(workers.count)]
    store.set(here[workers.rank], "")
    end = time.monotonic() + MEETING_SECONDS
    while not store.check(here):
        watch()
        if time.monotonic() > end:
            missing = next(rank for rank, key in enumerate(here) if not store.check([key]))
            rule = f"must come within {MEETING_SECONDS} s"
            raise LostWorkerError(f"worker {missing + 1}", rule=rule, found="that it has not", fix=AGAIN)
        time.sleep(LOOK_SECONDS)
    with _talking_to("another worker"):
        torch.distributed.init_process_group(
            "gloo", store=store, rank=workers.rank, world_size=workers.count, timeout=CONNECTING
        )
    try:
        yield workers
    finally:
        torch.distributed.destroy_process_group()


@contextmanager
def _talking_to(other: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # torch's, for all that may happen to a connection
        found = f"that it has ended or is stuck: {error}"
        raise LostWorkerError(other, rule="must train to the end", found=found, fix=AGAIN) from None


def _wait(work: "torch.distributed.Work | None") -> None:
    assert work is not None  # noqa: S101 (it is for a process that is none of the group)
    work.wait(ANSWERING)
