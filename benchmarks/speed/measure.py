"""Whole processes measured side by side: they take turns, so a noisy machine is noisy for all of them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Run:
    """One finished process: wall-clock and processor time in seconds, the largest resident memory in megabytes."""

    wall: float
    cpu: float
    memory: float


def run(command: Sequence[str]) -> Run:
    """Run a command to its end; its own output goes to standard error."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def remove(output: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def in_turn(commands: Mapping[str, Sequence[str]], *, rounds: int, outputs: Sequence[Path] = ()) -> dict[str, Run]:
    """The median of each figure over the rounds, each round running every command once.

    outputs: files and folders that no run is to find: it takes a disk half a second to replace a gigabyte.
    """
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            for output in outputs:
                remove(output)
            runs[name].append(run(command))
    return {
        name: Run(*(median(getattr(one, figure) for one in done) for figure in ("wall", "cpu", "memory")))
        for name, done in runs.items()
    }
