"""Sorts more rows than memory holds: sorted runs in scratch files, merged some at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 1 << 17  # rows that are read at a time
HEAD = 1 << 13  # rows that are read at a time of each of the runs that are merged
FAN_IN = 64  # runs that are merged at a time


@dataclass(frozen=True)
class RowFile:
    """Rows in a scratch file. Shape: of a structured type, each block (rows,)."""

    path: Path
    dtype: np.dtype[Any]

    @classmethod
    def write(cls, path: Path, blocks: Iterable[np.ndarray], dtype: np.dtype[Any]) -> "RowFile":
        """The blocks' rows, one after the other, in a new file."""
        with path.open("wb") as file:
            for block in blocks:
                block.tofile(file)
        return cls(path, dtype)

    def blocks(self, rows: int = BLOCK) -> Iterator[np.ndarray]:
        """The rows, so many at a time; the last block may be shorter."""
        return self.parts(repeat(rows))

    def parts(self, sizes: Iterable[int]) -> Iterator[np.ndarray]:
        """The rows, in blocks of these sizes, one or more each, as long as there are any."""
        with self.path.open("rb") as file:
            for rows in sizes:
                if not len(block := np.fromfile(file, self.dtype, rows)):
                    return
                yield block

    def blocks_of_whole_groups(self, by: str, rows: int = BLOCK) -> Iterator[np.ndarray]:
        """The rows of a file that is sorted by this field, some at a time: all that are equal in it together."""
        start = 0
        while len(block := np.fromfile(self.path, self.dtype, rows, offset=start * self.dtype.itemsize)):
            end = len(block)
            if end == rows:  # the last group may go on
                end = int(np.searchsorted(block[by], block[by][-1]))
            if end:
                yield block[:end]
            else:
                rows *= 2  # the group is longer than the block
            start += end


def sort(blocks: Iterable[np.ndarray], folder: Path, *, by: str) -> RowFile:
    """The rows of all blocks in the order of one field, equal ones as they came, in a file of a new folder.

    Memory holds one block at a time, and `HEAD` rows of each of `FAN_IN` runs. Shape: blocks (rows,) of one structured
    type, which has the field. Raises: ValueError without blocks.
    """
    folder.mkdir(parents=True)
    runs = [
        RowFile.write(folder / f"0-{number}", [_in_order(block, by)], block.dtype)
        for number, block in enumerate(blocks)
    ]
    if not runs:
        raise ValueError("there must be rows to sort, found none")
    level = 0
    while len(runs) > 1:
        level += 1
        some = (runs[start : start + FAN_IN] for start in range(0, len(runs), FAN_IN))
        runs = [_merged_file(part, folder / f"{level}-{number}", by) for number, part in enumerate(some)]
    return runs[0]


def _merged_file(runs: Sequence[RowFile], path: Path, by: str) -> RowFile:
    """The rows of sorted runs, in one file in their place."""
    merged = RowFile.write(path, _merged(runs, by), runs[0].dtype)
    for run in runs:
        run.path.unlink()
    return merged


def _merged(runs: Sequence[RowFile], by: str) -> Iterator[np.ndarray]:
    """The rows of sorted runs in order, in blocks of any size; equal ones in the order of the runs."""
    heads = [(next(source, None), source) for source in (run.blocks(HEAD) for run in runs)]
    while unread := [(head, source) for head, source in heads if head is not None]:
        lasts = [head[by][-1] for head, _ in unread]
        last = min(lasts)  # no row that is still to be read comes before it
        first = lasts.index(last)  # this run may go on with equal ones: those of later runs wait
        ends = [
            np.searchsorted(head[by], last, "right" if number <= first else "left")
            for number, (head, _) in enumerate(unread)
        ]
        yield _in_order(_together([head[:end] for (head, _), end in zip(unread, ends, strict=True)]), by)
        rests = [(head[end:], source) for (head, source), end in zip(unread, ends, strict=True)]
        heads = [(rest if len(rest) else next(source, None), source) for rest, source in rests]


def _together(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The parts' rows: np.concatenate would look at the fields of each part."""
    rows = np.empty(sum(map(len, parts)), parts[0].dtype)
    end = 0
    for part in parts:
        start, end = end, end + len(part)
        rows[start:end] = part
    return rows


def _in_order(rows: np.ndarray, by: str) -> np.ndarray:
    return rows.take(np.argsort(rows[by], kind="stable"))  # rows[…] copies field by field
