"""The learning curve's file, kept up to date while a training runs: plots and editors show a long one live."""

import csv
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from pipeline.runtime.drafts import drafts
from pipeline.runtime.interrupts import interrupts_held_back
from pipeline.training.fit import Epoch

PAUSE = 50  # times what the last writing took: so writing never costs more than 2 % of a training
log = logging.getLogger(__name__)


@contextmanager
def live_curve(file: Path) -> Iterator[Callable[[Sequence[Epoch]], None]]:
    """For a block that trains, and then writes the file for good: what shows the curve so far, called at each epoch.

    The file is replaced whole, at every epoch unless epochs are faster than files. If the block fails or is
    interrupted, the file is as it was before. A full disk costs the show and not the training; it is logged.
    """
    before, due = file.read_bytes() if file.exists() else None, 0.0

    def show(history: Sequence[Epoch]) -> None:
        nonlocal due
        if (start := time.monotonic()) < due:
            return
        try:
            with drafts() as draft_of:
                write_curve(history, draft_of(file))
            due = (end := time.monotonic()) + PAUSE * (end - start)
        except OSError as error:
            log.warning("cannot show the learning curve (%s): training goes on without", error)
            due = math.inf

    try:
        yield show
    except BaseException:
        with interrupts_held_back():
            _put_back(before, file)
        raise


def write_curve(history: Sequence[Epoch], file: Path) -> None:
    """The epochs as CSV."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(field.name for field in fields(Epoch))
        writer.writerows(astuple(epoch) for epoch in history)


def _put_back(content: bytes | None, file: Path) -> None:
    if content is None:
        file.unlink(missing_ok=True)
        return
    with drafts() as draft_of:
        draft_of(file).write_bytes(content)
