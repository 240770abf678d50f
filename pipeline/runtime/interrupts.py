"""Ctrl-C, SIGTERM and a closed terminal: a process that is told to end clears up first."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130  # as a shell counts: 128 + SIGINT
CLOSED_PIPE = 141  # 128 + SIGPIPE


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
