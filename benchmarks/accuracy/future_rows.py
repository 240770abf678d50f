"""Rows of the future: what later snapshots of a table add to an earlier one, and how two methods compare on them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.accuracy.stages import prepare_in
from pipeline import params
from pipeline.data.raw_table import read_table
from pipeline.evaluation.bootstrap import resampled


@dataclass(frozen=True)
class CutOff:
    """A date: the prepare stage's files of its snapshot, the rows to train on and to stop by, and those to come."""

    prepared: Path
    train: pa.RecordBatch
    valid: pa.RecordBatch
    future: pa.RecordBatch


def read_cut_off(folder: Path, date: str, *, weeks: int, settings: params.Prepare, scratch: Path) -> CutOff:
    """The rows of the date's snapshot, and those that the next `weeks` snapshots add to it; files go to `scratch`.

    Raises: ValueError if there is no such snapshot, no later one, or one that breaks the data contract.
    """
    files = sorted(folder.glob("salaries_*.csv"))
    dates = [file.stem.removeprefix("salaries_") for file in files]
    if date not in dates[:-1]:
        known = f"{dates[0]} to {dates[-1]}" if dates else "none"
        raise ValueError(f"{folder}: a cut-off must be the date of a snapshot with a later one, found {date} ({known})")
    snapshot, later = files[dates.index(date)], files[dates.index(date) :][: weeks + 1][-1]
    scratch.mkdir(exist_ok=True)
    new = scratch / "future.csv"
    new.write_bytes(added_lines(later.read_bytes(), snapshot.read_bytes()))
    table = read_table(snapshot, settings=settings)
    train, valid = (table.rows.take(pa.array(table.positions(split))) for split in ("train", "valid"))
    prepare_in(scratch, snapshot, settings=settings)
    return CutOff(scratch, train, valid, read_table(new, settings=settings).rows)


def added_lines(later: bytes, earlier: bytes) -> bytes:
    r"""The header and those lines of the later file that the earlier one has not, or not so many times.

    Rows have no identity and move about from week to week, and equal rows are common: so a row is new if the later
    file holds more of its kind. A row that the publisher mends counts as a new one.

    >>> added_lines(b"header\nb\na\na\n", b"header\na\n")
    b'header\nb\na\n'
    """
    header, *lines = later.splitlines()
    new = Counter(lines) - Counter(earlier.splitlines()[1:])
    return b"".join(line + b"\n" for line in (header, *new.elements()))


def ratios(errors: np.ndarray, others: np.ndarray, *, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the ratio of two means of squared errors might have been, had other rows come: bootstrap draws of it.

    Shape: all (rows,), groups numbered from 0; returns (draws,).
    """
    ours, theirs = resampled(errors, others, groups=groups, rng=rng)
    draws: np.ndarray = ours / theirs
    return draws


def percentile_interval(draws: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of the draws."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def geometric_mean(ratios: Sequence[float] | Sequence[np.ndarray]) -> np.ndarray:
    """The mean of ratios that treats 1/2 and 2 alike. Shape: (ratios, ...); returns (...,)."""
    mean: np.ndarray = np.exp(np.log(ratios).mean(axis=0))
    return mean
