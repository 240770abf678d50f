"""The parts of a raw table that are checked one by one, anywhere and in any order: a file, or a stretch of a long one.

A stretch begins and ends with a record. A quoted field may span lines, so where a record starts is known for sure only
to who reads the file from its beginning. The plan reads some lines before each border, which is nearly always enough.
Who checks a part finds where its records end; if the plan has the next part start elsewhere, that one is checked once
more from there. So the records are always those of the file read from its beginning.

Gzip can be read from its beginning only, and the text of a Parquet table is made while it is read: such a file is one
part.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pipeline.data.csv_blocks import (
    BLOCK_BYTES,
    TAIL_BYTES,
    Block,
    LongLineError,
    blocks_of,
    read_to_line_end,
    whole_records,
)
from pipeline.data.csv_header import read_header
from pipeline.data.csv_records import RECORD_BYTES
from pipeline.data.remote import Place
from pipeline.data.source import LINE_BYTES, PIECE_BYTES, open_table

PART_BYTES = 64 << 20


@dataclass(frozen=True)
class Part:
    """The records of a table's file from the offset `start` to the offset `end`, in bytes; to its end if that is None.

    Parts count from 0. The file has a name where the table is several files; the columns are those of its header.
    """

    number: int
    path: Place
    file: str
    columns: tuple[str, ...]
    start: int
    end: int | None

    def __str__(self) -> str:
        return f"{self.path} from byte {self.start:,}"

    def anywhere(self) -> "Part":
        """The same for a process with another working directory."""
        return replace(self, path=self.path.absolute()) if isinstance(self.path, Path) else self

    def blocks(self, *, size: int = BLOCK_BYTES) -> Iterator[Block]:
        """The records in blocks of about `size` bytes; the first line has the number 2, as if a header stood before.

        They end before the part does, if that is inside of a record.
        Raises: ValueError if the file is damaged or a line is too long.
        """
        stop = sys.maxsize if self.end is None else self.end - self.start
        with open_table(self.path) as file:
            _skip(file, self.start)
            try:
                yield from blocks_of(file, where=str(self.path), size=size, stop=stop)
            except LongLineError as error:
                line = error.line + self._lines_before()
                raise ValueError(str(LongLineError(str(self.path), line))) from None  # any process can read this kind

    def _lines_before(self) -> int:
        """How many lines stand before the part, without the header."""
        count, left = -1, self.start
        with open_table(self.path) as file:
            while left and (text := file.read(min(PIECE_BYTES, left))):
                count, left = count + text.count(b"\n"), left - len(text)
        return count


def plan(files: Mapping[str, Place], *, part_bytes: int = PART_BYTES) -> list[Part]:
    """The parts of a table's files, as `table_files` has them, in their order, of about so many bytes each.

    Raises: ValueError if a file does not begin as a table.
    """
    parts: list[Part] = []
    for name, path in files.items():
        columns, first = read_header(path)
        starts = [first, *_borders(path, first, part_bytes)]
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            parts.append(Part(len(parts), path, name if len(files) > 1 else "", columns, start, end))
    return parts


def _borders(path: Place, first: int, part_bytes: int) -> list[int]:
    """Where the parts of a file start behind that of its first row. Shape: ascending."""
    with open_table(path) as file:
        if not file.seekable():
            return []
        end = _end_of_rows(file)
        starts = {_record_start(file, near, first) for near in range(first + part_bytes, end, part_bytes)}
    return sorted(start for start in starts if first < start < end)


def _end_of_rows(file: BinaryIO) -> int:
    """Where the last line that is not blank ends: a part of blank lines at the end would take them for rows."""
    end = file.seek(0, 2)
    while end:
        start = max(end - TAIL_BYTES, 0)
        file.seek(start)
        if text := file.read(end - start).rstrip(b"\r\n"):
            return start + len(text)
        end = start
    return end


def _record_start(file: BinaryIO, near: int, first: int) -> int:
    """Where the record starts that has the line at this offset or the next one; the first record starts at `first`."""
    start = max(first, near - RECORD_BYTES)
    file.seek(start)
    if start > first:
        start += len(file.readline(LINE_BYTES))
    text = read_to_line_end(file, max(near - start, 0))
    return start + whole_records(text, file)


def _skip(file: BinaryIO, size: int) -> None:
    if file.seekable():
        file.seek(size)
    else:
        file.read(size)
