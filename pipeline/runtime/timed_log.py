"""Logs of what a command says, each line behind the time at which it was said."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from pipeline.runtime.private import private

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "  # 2026-01-31T02:17:03Z
LAST_SECONDS = 5  # so long is waited for a process that outlives the command and could say more


@contextmanager
def timed_log(file: Path) -> Iterator[int]:
    """For a block that runs a command: the number of an open file for its output, of which each line goes to the log.

    Only the user may read the log. Times are UTC.
    """
    reading, writing = os.pipe()
    copying = Thread(target=_copy, args=(reading, file), daemon=True)
    copying.start()
    try:
        yield writing
    finally:
        os.close(writing)
        copying.join(LAST_SECONDS)


def without_times(text: str) -> str:
    r"""What the command said.

    >>> without_times("2026-01-31T02:17:03Z full epoch 1/40\n2026-01-31T02:17:04Z \n")
    'full epoch 1/40\n\n'
    """
    return re.sub(rf"(?m)^{TIME}", "", text)


def _copy(reading: int, file: Path) -> None:
    # a full disk ends the log, and with it the command, which has nobody left to speak to
    with suppress(OSError), os.fdopen(reading, "rb") as said, open(file, "wb", opener=private) as log:
        for line in said:
            log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} ".encode() + line)
            log.flush()
