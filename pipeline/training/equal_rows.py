"""How much a row weighs where equal rows count once: 1 / how many are equal, scaled to a mean of 1."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.data.external_sort import RowFile, sort
from pipeline.data.schema import HASH

ROW = np.dtype([(HASH, np.uint64), ("number", np.int64)])  # a row and its number in the file
COPIES = np.dtype([("number", np.int64), ("copies", np.int64)])


def weights(hashes: np.ndarray) -> np.ndarray:
    """The weights of all rows, by their hashes. Shape: (rows,); returns float32.

    >>> weights(np.array([7, 9, 9]))
    array([1.5 , 0.75, 0.75], dtype=float32)
    """
    copies, distinct = _copies_of(hashes)
    return _weights(copies, rows=len(hashes), distinct=distinct)


@dataclass(frozen=True)
class WeightFile:
    """The weights of more rows than memory holds, in the order of their Parquet file."""

    file: RowFile
    starts: np.ndarray  # (row groups + 1,): the number of each one's first row

    @classmethod
    def write(cls, parquet: pq.ParquetFile, folder: Path) -> "WeightFile":
        """Weigh the rows of a Parquet file, in a folder of scratch files, which is made."""
        metadata = parquet.metadata
        groups = range(metadata.num_row_groups)
        starts = np.cumsum([0, *(metadata.row_group(group).num_rows for group in groups)])
        hashes = (parquet.read_row_group(group, columns=[HASH])[HASH].to_numpy() for group in groups)
        by_hash = sort(map(_numbered, hashes, starts), folder / "by-hash", by=HASH)
        distinct = sum(len(np.unique(block[HASH])) for block in by_hash.blocks_of_whole_groups(HASH))
        by_number = sort(_copies(by_hash), folder / "by-number", by="number")
        found = (_weights(block["copies"], rows=starts[-1], distinct=distinct) for block in by_number.blocks())
        file = RowFile.write(folder / "weights", found, np.dtype(np.float32))
        for sorted_rows in (by_hash, by_number):
            shutil.rmtree(sorted_rows.path.parent)
        return cls(file, starts)

    def of_group(self, number: int) -> np.ndarray:
        """The weights of a row group. Shape: (rows,) float32."""
        start, end = self.starts[number : number + 2]
        return np.fromfile(self.file.path, np.float32, end - start, offset=int(start) * np.float32().itemsize)


def _numbered(hashes: np.ndarray, start: int) -> np.ndarray:
    rows = np.empty(len(hashes), ROW)
    rows[HASH], rows["number"] = hashes, np.arange(start, start + len(hashes))
    return rows


def _copies(by_hash: RowFile) -> Iterator[np.ndarray]:
    """How many rows are equal to each row."""
    for block in by_hash.blocks_of_whole_groups(HASH):
        rows = np.empty(len(block), COPIES)
        rows["number"], rows["copies"] = block["number"], _copies_of(block[HASH])[0]
        yield rows


def _copies_of(hashes: np.ndarray) -> tuple[np.ndarray, int]:
    """How many of the hashes are equal to each, and how many are distinct. Shape: (rows,); returns the same."""
    # with the index numpy sorts stably; its other sort of numbers' places is one that qemu's AVX2 gets wrong
    _, _, inverse, copies = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    return copies[inverse], len(copies)


def _weights(copies: np.ndarray, *, rows: int, distinct: int) -> np.ndarray:
    """The weights of rows by how many are equal to each, among all. Shape: copies (some rows,); returns float32."""
    return (rows / distinct / copies).astype(np.float32)
