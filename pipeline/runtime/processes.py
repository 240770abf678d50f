"""Runs commands, again if need be; none outlives its starter. No other module starts processes, none uses a shell."""

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from pipeline.runtime.errors import CommandError
from pipeline.runtime.lifetime import ending_with_this_process

T = TypeVar("T")
Pause = Callable[[float], None]  # for so many seconds
STANDARD_ERROR = 2
WATCH_SECONDS = 0.1  # between two looks at what a command does


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: bytes | None = None,
    stdout: int | BinaryIO | None = None,
    seconds: float | None = None,
    watch: Callable[[], None] | None = None,
    secrets: Iterable[str] = (),
) -> bytes:
    """Run the command in the folder to its end; returns what it printed, unless that goes elsewhere.

    stdin: what it reads; nothing if None. stdout: where all that it says goes, its errors too: a file, or the number of
    an open one. seconds: its time limit; none if None. watch: is called ten times a second, and ends the command by an
    error of its own. secrets: what an error does not show; they are not asked for if there is none.
    It gets a process group of its own, which is killed if it takes too long or anything interrupts the waiting for it,
    so that ctrl-C leaves nothing behind.
    Raises: CommandError if it cannot be started, takes longer, or does not end with code 0.
    """
    try:
        process = _start(command, folder, environment, reads=stdin is not None, stdout=stdout)
    except OSError as error:
        raise CommandError(command, f"cannot be started: {error}", secrets=secrets) from None
    with process:
        try:
            out, err = _outcome(process, stdin, seconds=seconds, watch=watch)
        except subprocess.TimeoutExpired as late:
            _kill(process)
            raise CommandError(command, f"took longer than {seconds:g} s", late.stderr, secrets=secrets) from None
        except BaseException:
            _kill(process)
            raise
    if process.returncode:
        raise CommandError(command, f"ended with code {process.returncode}", err, secrets=secrets)
    return out or b""


def in_words(tries: int) -> str:
    """How many tries, in words.

    >>> in_words(1), in_words(3)
    ('1 try', '3 tries')
    """
    return f"{tries} {'try' if tries == 1 else 'tries'}"


def retried(action: Callable[[], T], *, tries: int, pause: Pause = time.sleep) -> T:
    """What the action returns, in at most so many tries, with pauses of 1, 2, 4, … seconds between them.

    What fails at two in the morning often works a little later.
    Raises: the CommandError of the last try; any other error at once.

    >>> answers = iter(["busy", "pushed"])
    >>> def push() -> str:
    ...     if (answer := next(answers)) == "busy":
    ...         raise CommandError(["git", "push"], "was refused")
    ...     return answer
    >>> retried(push, tries=2, pause=lambda seconds: print(f"again after {seconds:g} s"))
    again after 1 s
    'pushed'
    """
    for number in range(tries - 1):
        with suppress(CommandError):
            return action()
        pause(2.0**number)
    return action()


def _start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], *, reads: bool, stdout: int | BinaryIO | None
) -> "subprocess.Popen[bytes]":
    """Start the command at the head of a process group of its own; what does not go elsewhere can be read from it."""
    out, err = (subprocess.PIPE, subprocess.PIPE) if stdout is None else (stdout, subprocess.STDOUT)
    return subprocess.Popen(  # noqa: S603 (a list of words, no shell)
        ending_with_this_process(*command),
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        process_group=0,
    )


def _outcome(
    process: "subprocess.Popen[bytes]",
    stdin: bytes | None,
    *,
    seconds: float | None,
    watch: Callable[[], None] | None,
) -> tuple[bytes | None, bytes | None]:
    """What the process writes on standard output and error, once it has ended.

    Raises: TimeoutExpired if it takes longer; whatever the watch raises.
    """
    if watch is None:
        return process.communicate(stdin, timeout=seconds)
    end = time.monotonic() + seconds if seconds is not None else math.inf
    while True:
        try:
            return process.communicate(stdin, timeout=min(WATCH_SECONDS, max(0, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
        watch()
        stdin = None  # communicate() has it, and goes on writing it


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
