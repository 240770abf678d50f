"""One at a time: a lock that the kernel releases when its holder ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipeline.runtime.errors import BusyError
from pipeline.runtime.private import private, private_folder


@contextmanager
def exclusive(file: Path, *, rule: str, fix: str) -> Iterator[None]:
    """Hold the lock in the file for as long as the block runs. The commands that the block starts do not hold it.

    The file says who holds it, and stays: to delete it would let in a third while a second still waits at the old one.
    rule, fix: what is told if another process holds it, with which one it is, and since when.
    Its folder is made for the user alone.
    Raises: BusyError if another process holds it; RuleError if others may write to its folder.
    Source: flock(2).
    """
    private_folder(file.parent)
    with open(file, "a+", encoding="utf-8", opener=private) as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            opened.seek(0)
            found = opened.read().strip() or "one that is just starting"
            raise BusyError("this command", rule=rule, found=found, fix=fix) from None
        opened.truncate(0)
        print(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", file=opened, flush=True)
        yield
