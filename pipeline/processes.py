"""The commands that a verification starts: none outlives it. Nothing else here starts processes, or uses a shell."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

STANDARD_ERROR = 2
LAST_LINES = 20


class CommandError(Exception):
    """A command that failed: what it was, how it ended, what it said last."""

    def __init__(self, command: Sequence[str], how: str, said: str = "") -> None:
        super().__init__("\n".join([f"{shlex.join(command)} {how}", *said.splitlines()[-LAST_LINES:]]))


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], shown: bool = False) -> bytes:
    """Run the command in the folder to its end; returns what it printed, or shows all of it on standard error.

    It gets a process group of its own, which is killed if anything interrupts the waiting for it, so that ctrl-C leaves
    nothing behind.
    Raises: CommandError if it cannot be started or does not end with code 0.
    """
    printed, said = (STANDARD_ERROR, None) if shown else (subprocess.PIPE, subprocess.PIPE)
    try:
        process = subprocess.Popen(  # noqa: S603 (a list of words, no shell)
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            process_group=0,
        )
    except OSError as error:
        raise CommandError(command, f"cannot be started: {error}") from None
    with process:
        try:
            out, err = process.communicate()
        except BaseException:
            _kill(process)
            raise
    if process.returncode:
        raise CommandError(command, f"ended with code {process.returncode}", (err or b"").decode(errors="replace"))
    return out or b""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process and all of its group, and wait until they are gone: until then they may write files."""
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(100):  # not forever: where nobody reaps orphans, the dead stay in the group
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
