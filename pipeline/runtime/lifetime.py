"""How long processes live: a child ends with its parent, and one that is told to end clears up first.

As a script, `python lifetime.py PROCESS COMMAND …` becomes the command, which then ends with the process.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130  # as a shell counts: 128 + SIGINT
CLOSED_PIPE = 141  # 128 + SIGPIPE
NOT_STARTED = 127  # a shell's exit code for a command that it cannot find


def end_with_parent() -> None:
    """Have the kernel end this process (SIGTERM) when its parent ends. On Linux; elsewhere nothing happens.

    So a killed `dvc repro` leaves no training behind that would disturb the next.
    Source: prctl(2).
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended in between
            os.kill(os.getpid(), signal.SIGTERM)


def ending_with_this_process(command: Sequence[str]) -> list[str]:
    """The command in a form that ends (SIGTERM) when this process ends, whatever ends it.

    On Linux; elsewhere it is the command as it is. It needs no package, no folder and no variable of the caller's.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def end_as_ctrl_c_does() -> None:
    """From now on SIGTERM and a closed terminal raise KeyboardInterrupt, so that `with` and `finally` clear up."""
    _handle_interrupts(signal.default_int_handler)


def end_at_once_if_interrupted() -> None:
    """Until `end_as_ctrl_c_does`, ctrl-C, SIGTERM and a closed terminal end this process without a word.

    That is while it imports, when there is nothing to clear up, and a traceback would tell of the import alone.
    """
    _handle_interrupts(_end_at_once)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """For a block that must not end in its middle: ctrl-C, SIGTERM and a closed terminal come when it has ended.

    In another than the main thread nothing changes: Python lets interrupts come in the main thread alone.
    """
    held: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in INTERRUPTS} if in_main_thread else {}
    before = {number: handler for number, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}
    try:
        for number in before:
            signal.signal(number, lambda number, _: held.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _handle_interrupts(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in INTERRUPTS:
        # nohup has set SIGHUP to be ignored, and that is to stay
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler, _end_at_once):
            signal.signal(number, handler)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def main(parent: str, *command: str) -> None:
    """Become the command, unless the parent is gone already."""
    end_with_parent()
    if os.getppid() != int(parent):
        sys.exit(NOT_STARTED)
    try:
        os.execvp(command[0], command)  # noqa: S606 (a list of words, no shell)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr)
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main(*sys.argv[1:])
