"""What each step of a night costs, in its run's folder, and whether that is far more than in the nights before."""

import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

from pipeline.nights.logs import read_log
from pipeline.nights.night import Night, NightEnded, NightResult
from pipeline.runtime import escape
from pipeline.runtime.private import private

COSTS = "costs.json"  # in the folder of a run: {"retrain": {"seconds": 41.2, "peak_mb": 512}, …}
Costs = Mapping[str, Mapping[str, float]]
UNITS = {"seconds": "s", "peak_mb": "MB"}
TIMES = 3.0  # the median: so much more is unusual
NIGHTS = 5  # or more make a median
LEAST = {"seconds": 60.0, "peak_mb": 256.0}  # above the median: less is nobody's trouble
RSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


@contextmanager
def step(folder: Path, name: str) -> Iterator[None]:
    """Note in the run's folder what the block costs, unless it fails. The memory is that of the largest child so far.

    The kernel keeps that maximum for all children that have ended; it cannot be set back between two steps.
    """
    start = time.monotonic()
    try:
        yield
    except NightEnded:
        _note(folder, name, time.monotonic() - start)
        raise
    _note(folder, name, time.monotonic() - start)


def _note(folder: Path, name: str, seconds: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * RSS_BYTES
    costs = {**read_log(folder / COSTS), name: {"seconds": round(seconds, 1), "peak_mb": round(peak / 1e6)}}
    with suppress(OSError), open(folder / COSTS, "w", encoding="utf-8", opener=private) as file:  # a disk may be full
        file.write(escape.json_text(costs))


def with_unusual_costs(night: Night, result: NightResult) -> NightResult:
    """The result, whose message names steps that cost far more than in the nights whose logs are still here."""
    others = [folder for folder in night.folder.parent.iterdir() if folder != night.folder]
    found = unusual_costs(read_log(night.folder / COSTS), [read_log(folder / COSTS) for folder in others])
    return replace(result, message="; ".join([result.message, *found]))


def unusual_costs(tonight: Costs, before: Iterable[Costs]) -> list[str]:
    """In words, each cost of more than `TIMES` the median of at least `NIGHTS` nights that made the step.

    >>> unusual_costs({"fetch": {"seconds": 400.0}}, [{"fetch": {"seconds": 100.0}}] * 5)
    ['fetch took 400 s, more than 3 times the median of 5 nights, 100 s']
    """
    known = defaultdict(list)
    for costs in before:
        for name, cost in costs.items():
            for unit, value in cost.items():
                known[name, unit].append(value)
    words = []
    for (name, unit), values in known.items():
        value, usual = tonight.get(name, {}).get(unit, 0.0), median(values)
        if len(values) >= NIGHTS and value > max(TIMES * usual, usual + LEAST[unit]):
            sign = UNITS[unit]
            than = f"more than {TIMES:g} times the median of {len(values)} nights, {usual:,.0f} {sign}"
            words.append(f"{name} took {value:,.0f} {sign}, {than}")
    return words
