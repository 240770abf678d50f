"""Processes that tests start, watch and kill: the training stage alone, or the whole of `dvc repro`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import reduce
from operator import getitem
from pathlib import Path

from ruamel.yaml import YAML

from tests.support.work_tree import environment

# the training stage's, in the folder of a clone: its own inputs, and outputs apart from DVC's
ARGUMENTS = [
    *("--train", "data/prepared/train.parquet", "--valid", "data/prepared/valid.parquet"),
    *("--encoder", "data/prepared/encoder.json", "--cache", ".cache"),
    *("--models", "trained/models", "--plots", "trained/plots"),
]


@contextmanager
def started(folder: Path, *command: str) -> Iterator["subprocess.Popen[str]"]:
    """The command as a process group of its own, as a terminal starts it; what is left of it at the end is killed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a signal that we ignore would be ignored there, too
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(process: "subprocess.Popen[str]", words: str) -> str:
    """Read what the process prints, up to a line with the words; returns that line."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError(f"{words!r} is not in\n{''.join(lines)}")


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit code of a process that is about to end, and what it still printed."""
    assert process.stdout
    code = process.wait(timeout=20)  # far more than it needs on any machine
    return code, process.stdout.read()


def trained_files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file that the training stage has written."""
    return {file.name: file.read_bytes() for file in (folder / "trained").rglob("*") if file.is_file()}


def training(folder: Path, recipe: str) -> AbstractContextManager["subprocess.Popen[str]"]:
    """Start or continue the training of a recipe in the folder of a clone."""
    return started(folder, sys.executable, "-m", "pipeline.train", recipe, *ARGUMENTS)


def kill_in_training(folder: Path, recipe: str, *, draw) -> None:
    """Start or continue the training, and kill it anywhere in its third or fourth epoch."""
    with training(folder, recipe) as process:
        for _ in range(draw.integers(1, 3)):
            wait_for(process, f"{recipe} epoch ")
        start = time.monotonic()
        wait_for(process, f"{recipe} epoch ")
        time.sleep(draw.random() * (time.monotonic() - start))
        process.kill()
    assert process.returncode == -signal.SIGKILL, "it must not be over before it is killed"


def stages_running_in(folder: Path) -> list[int]:
    """The process numbers of the training stages that run in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"pipeline.train" in words and (process / "cwd").resolve() == folder.resolve():
                found.append(int(process.name))
        except OSError:  # it has just ended, or it is not ours
            continue
    return found


def until(condition, *, seconds=60) -> None:
    """Wait for the condition, which has time enough on any machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def set_params(folder: Path, changes: dict[str, object]) -> None:
    """Change values of the params.yaml in the folder, each named by the dotted path of its key."""
    yaml = YAML()
    settings = yaml.load(folder / "params.yaml")
    for path, value in changes.items():
        *keys, last = path.split(".")
        reduce(getitem, keys, settings)[last] = value
    yaml.dump(settings, folder / "params.yaml")
