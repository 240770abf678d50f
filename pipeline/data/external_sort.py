"""Sorts more rows than memory holds: sorted runs in scratch files, merged some at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 1 << 17  # rows that are read at a time
HEAD = 1 << 12  # rows that are read at a time of each of the runs that are merged
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
        with self.path.open("rb") as file:
            while len(block := np.fromfile(file, self.dtype, rows)):
                yield block

    def blocks_of_whole_groups(self, by: str, rows: int = BLOCK) -> Iterator[np.ndarray]:
        """The rows of a file that is sorted by this field, some at a time: all that are equal in it together."""
        rest = np.empty(0, self.dtype)
        for block in self.blocks(rows):
            found = np.concatenate([rest, block])
            end = np.searchsorted(found[by], found[by][-1])  # the last group may go on in the next block
            if end:
                yield found[:end]
            rest = found[end:]
        if len(rest):
            yield rest


def sort(blocks: Iterable[np.ndarray], folder: Path, *, by: str) -> RowFile:
    """The rows of all blocks in the order of one field, in a file of the folder, which is made.

    Memory holds one block at a time, and `HEAD` rows of each of `FAN_IN` runs. Shape: blocks (rows,) of one structured
    type, which has the field. Raises: ValueError without blocks.
    """
    folder.mkdir(parents=True)
    runs = [
        RowFile.write(folder / f"run-{number}", [_in_order(block, by)], block.dtype)
        for number, block in enumerate(blocks)
    ]
    if not runs:
        raise ValueError("there must be rows to sort, found none")
    number = len(runs)
    while len(runs) > 1:
        merged, *runs = _merged_file(runs[:FAN_IN], folder / f"run-{number}", by), *runs[FAN_IN:]
        runs.append(merged)  # the shorter runs stand before it, and are merged first
        number += 1
    return runs[0]


def _merged_file(runs: Sequence[RowFile], path: Path, by: str) -> RowFile:
    """The rows of sorted runs, in one file in their place."""
    merged = RowFile.write(path, _merged(runs, by), runs[0].dtype)
    for run in runs:
        run.path.unlink()
    return merged


def _merged(runs: Sequence[RowFile], by: str) -> Iterator[np.ndarray]:
    """The rows of sorted runs in order, in blocks of any size."""
    sources = [run.blocks(HEAD) for run in runs]
    heads = {source: next(source, None) for source in sources}
    while unread := {source: head for source, head in heads.items() if head is not None}:
        last = min(head[by][-1] for head in unread.values())  # no row that is still to be read comes before it
        ends = {source: np.searchsorted(head[by], last, "right") for source, head in unread.items()}
        yield _in_order(np.concatenate([unread[source][:end] for source, end in ends.items()]), by)
        heads = {s: unread[s][end:] if end < len(unread[s]) else next(s, None) for s, end in ends.items()}


def _in_order(rows: np.ndarray, by: str) -> np.ndarray:
    ordered: np.ndarray = rows[np.argsort(rows[by], kind="stable")]
    return ordered
