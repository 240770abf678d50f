"""Forward validation's tables: dates to train on, the rows of their snapshots, and those that later snapshots add."""

import datetime
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from tqdm import tqdm

from pipeline import params
from pipeline.data.raw_table import Table, new_rows, read_table

CHOOSING = 5  # cut-offs that settings are chosen by; one more, the last, is held out
LEAST_NEW_ROWS = 200  # fewer tell little: chance moves their mean squared error by a tenth and more


@dataclass(frozen=True)
class CutOff:
    """A date: the prepare stage's files of its snapshot, the rows to train on and to stop by, and those to come."""

    prepared: Path
    train: pa.RecordBatch
    valid: pa.RecordBatch
    future: pa.RecordBatch


class PrepareIn(Protocol):
    """The prepare stage on a raw table, its files in one folder."""

    def __call__(self, folder: Path, table: Path, *, settings: params.Prepare) -> None:
        """Table: the raw one. Raises: ValueError if it breaks the data contract."""


def read_cut_off(
    snapshots: Mapping[datetime.date, Path],
    date: datetime.date,
    *,
    weeks: int,
    settings: params.Prepare,
    prepare: PrepareIn,
    scratch: Path,
) -> CutOff:
    """The rows of the date's snapshot, and those that the next `weeks` snapshots add to it; files go to `scratch`.

    Rows have no identity, so one is new if the later table holds more of its kind. One that was mended counts as new.
    Raises: ValueError if there is no such snapshot, no later one, or one that breaks the data contract.
    """
    dates = list(snapshots)
    if date not in dates[:-1]:
        known = f"{dates[0]} to {dates[-1]}"
        raise ValueError(f"a cut-off must be the date of a snapshot with a later one, found {date} ({known})")
    until = dates[dates.index(date) :][: weeks + 1][-1]
    table, later = (read_table(snapshots[day], settings=settings) for day in (date, until))
    train, valid = (table.rows.take(pa.array(table.positions(split))) for split in ("train", "valid"))
    prepare(scratch, snapshots[date], settings=settings)
    return CutOff(scratch, train, valid, later.rows.take(pa.array(new_rows(table, later))))


def choose_cut_offs(
    snapshots: Mapping[datetime.date, Path], *, weeks: int, settings: params.Prepare
) -> list[datetime.date]:
    """Dates whose next `weeks` snapshots add enough rows: some at equal distances, and the last one.

    The last one's future begins when those of the others have ended: nothing that settings are chosen by is in it.
    Raises: ValueError if there are too few such snapshots, or one breaks the data contract.
    """
    _check_enough(snapshots, 2 * weeks + CHOOSING, rule=f"at least {2 * weeks + CHOOSING} snapshots")
    counts = new_row_counts(snapshots, weeks=weeks, settings=settings)
    least = max(LEAST_NEW_ROWS, max(counts.values()) // 10)  # each date counts as much as any other: none is mere noise
    usable = [date for date, count in counts.items() if count >= least]
    dates = list(snapshots)
    last = dates.index(usable[-1]) if usable else 0
    before = [date for date in usable if dates.index(date) + weeks <= last]
    rule = f"{CHOOSING} snapshots, and a later one, whose next {weeks} each add {least} rows or more"
    _check_enough(before, CHOOSING, rule=rule)
    return [*(before[(len(before) - 1) * step // (CHOOSING - 1)] for step in range(CHOOSING)), usable[-1]]


def _check_enough(found: Mapping[datetime.date, Path] | Sequence[datetime.date], least: int, *, rule: str) -> None:
    if len(found) < least:
        fix = "bring more snapshots, or give other --weeks"
        raise ValueError(f"tuning needs {rule}; found {len(found)}: {fix}")


def new_row_counts(
    snapshots: Mapping[datetime.date, Path], *, weeks: int, settings: params.Prepare
) -> dict[datetime.date, int]:
    """How many rows the next `weeks` snapshots add to each; of the last ones, which have not so many, none is counted.

    Raises: ValueError if a snapshot breaks the data contract.
    """
    counts: dict[datetime.date, int] = {}
    window: deque[tuple[datetime.date, Table]] = deque(maxlen=weeks + 1)
    for date in tqdm(snapshots, desc="read", unit="snapshot", disable=None):
        window.append((date, read_table(snapshots[date], settings=settings)))
        if len(window) > weeks:
            (first, before), (_, after) = window[0], window[-1]
            counts[first] = len(new_rows(before, after))
    return counts
