"""Workers that meet with an accident: a process that computes is killed, or what it is to read is gone."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

SOCKETS_OF_THE_DEAD = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
"""Those of Dask to processes that were killed, whenever they are collected."""


def kill_worker(item):
    """Kill the process that computes the item."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_node(item):
    """Kill first the process that would start another one in its place."""
    os.kill(os.getppid(), signal.SIGKILL)
    kill_worker(item)


def lose_spill(item):
    """Delete the file that is to be read."""
    item.place.unlink()


@dataclass
class Disturbed:
    """Workers to whom it happens at the third item of one pass, of those over all items that they are asked for."""

    workers: Any  # `Workers`, or None where it is in their hands
    accident: Callable
    folder: Path  # where it leaves a file named after each process to which it happens
    in_pass: int = 0
    always: bool = False  # or the first time only
    passes: int = 0

    def map(self, function, items):
        items, self.passes = list(items), self.passes + 1
        if self.passes - 1 == self.in_pass:
            function = partial(disturbed, function, items[2], replace(self, workers=None))
        return self.workers.map(function, items)

    def victims(self):
        return [int(path.name) for path in self.folder.iterdir()]


def disturbed(function, chosen, how, item):
    """What the function returns, if nothing keeps it from that."""
    if item == chosen and (how.always or not how.victims()):
        (how.folder / str(os.getpid())).touch()
        how.accident(item)
    return function(item)


def is_running(pid):
    """Whether there is such a process, which is more than an entry that nobody has asked about since its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
