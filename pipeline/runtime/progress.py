"""How far a long computation is: a bar on a terminal, and else a line in the log now and then."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_SECONDS = 10  # from line to line


def progress(results: Iterable[T], what: str, *, total: int, unit: str, rows: Callable[[T], int]) -> Iterator[T]:
    """The results as they come; how many of the total there are, and rows a second. A single result says nothing.

    rows: how many a result stands for.
    """
    if total < 2:
        yield from results
        return
    begin = said = time.monotonic()
    done = 0
    with tqdm(desc=what, total=total, unit=unit, disable=None) as bar:
        for number, result in enumerate(results, 1):
            done, now = done + rows(result), time.monotonic()
            speed = f"{done / max(now - begin, 1e-3):,.0f} rows/s"
            bar.set_postfix_str(speed, refresh=False)
            bar.update()
            if bar.disable and (number == total or now - said >= LOG_SECONDS):
                said = now
                print(f"{what}: {unit} {number:,} of {total:,}, {done:,} rows, {speed}", file=sys.stderr, flush=True)
            yield result
