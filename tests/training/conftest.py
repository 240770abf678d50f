"""Where the tests of compiled trainings keep what they compile, and workers that need no processes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from queue import Queue
from types import SimpleNamespace

import pytest

from pipeline.model.reproducible import torch
from pipeline.training.compiler import CACHE, keep_compiled_code_in
from pipeline.training.workers import Workers


@pytest.fixture(scope="module")
def compiled_code(tmp_path_factory):
    """The folder of the compiled code of a module's tests."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, "")
        keep_compiled_code_in(folder)
        yield folder


@pytest.fixture
def together(monkeypatch):
    """Runs a job for each of so many workers, which are threads of this process and talk through queues."""
    here = threading.local()
    boxes: dict[tuple[int, ...], Queue[torch.Tensor]] = {pair: Queue() for pair in product(range(8), repeat=2)}

    def isend(tensor, other):
        boxes[here.rank, other].put(tensor.clone())
        return SimpleNamespace(wait=lambda seconds: None)

    def irecv(tensor, other):
        return SimpleNamespace(wait=lambda seconds: tensor.copy_(boxes[other, here.rank].get(timeout=60)))

    def run(count, job):
        def work(rank):
            torch.set_num_threads(1)
            here.rank = rank
            return job(Workers(rank, count))

        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(work, range(count)))

    monkeypatch.setattr(torch.distributed, "isend", isend)
    monkeypatch.setattr(torch.distributed, "irecv", irecv)
    return run
