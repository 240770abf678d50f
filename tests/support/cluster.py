"""A scheduler and nodes of Dask, each a process of its own as `dask scheduler` and `dask worker` start them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import started, until
from tests.support.work_tree import ROOT


@dataclass
class Cluster:
    """Where it is; its scheduler; each node's process, which starts a worker and starts it again if it dies."""

    folder: Path
    stack: ExitStack
    scheduler: "subprocess.Popen[str]"
    nodes: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(json.loads((self.folder / "scheduler.json").read_text())["address"])

    def add_node(self, *before: str, **variables: str) -> None:
        """Start one more; `before` stands before the command, such as what brings it into a namespace."""
        folder = self.folder / f"node-{len(self.nodes)}"  # another working directory than the driver's
        folder.mkdir()
        assign = [f"{name}={value}" for name, value in {"PYTHONPATH": str(ROOT), **variables}.items()]
        words = ("distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-dashboard")
        command = (*before, "env", *assign, sys.executable, "-m", *words, "--local-directory", str(folder))
        self.nodes.append(self.stack.enter_context(started(folder, *command)))


@contextmanager
def cluster(folder: Path, *, nodes: int = 2, host: str = "127.0.0.1", path: Path | None = ROOT) -> Iterator[Cluster]:
    """A cluster with so many nodes; all of its processes end with the block."""
    with ExitStack() as stack:
        words = ("--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", "scheduler.json")
        command = ("env", f"PYTHONPATH={path}", sys.executable, "-m", "distributed.cli.dask_scheduler", *words)
        made = Cluster(folder, stack, stack.enter_context(started(folder, *command)))
        until(lambda: (folder / "scheduler.json").exists() and (folder / "scheduler.json").read_text().endswith("}"))
        for _ in range(nodes):
            made.add_node()
        yield made


def busy_workers(client) -> int:
    """How many workers compute something now."""
    return sum(bool(tasks) for tasks in client.processing().values())


def fake_package(folder: Path, name: str, version: str) -> str:
    """A folder that has Python take the package for one of this version; returns it."""
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return os.pathsep.join([str(folder), str(ROOT)])
