"""Whether anybody still waits for what is computed: a long computation asks between its pieces, and ends if not.

A worker elsewhere cannot be interrupted in a computation; and whoever asked for it may be gone, and not come back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_WANTED: ContextVar[Callable[[], bool]] = ContextVar("is_wanted", default=lambda: True)


class NotWantedError(Exception):
    """Nobody waits for the result."""


@contextmanager
def while_wanted(is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Within the block, `check_wanted` in this thread asks `is_wanted`."""
    token = _IS_WANTED.set(is_wanted)
    try:
        yield
    finally:
        _IS_WANTED.reset(token)


def check_wanted() -> None:
    """Raise NotWantedError if nobody waits for the result any more."""
    if not _IS_WANTED.get()():
        raise NotWantedError("nobody waits for what was computed here")
