"""A CSV file or stream as blocks of whole records: memory does not grow with its length."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

import numpy as np

from pipeline.data.csv_records import RECORD_BYTES, has_no_multiline_quotes, last_start, line_offsets
from pipeline.data.source import LINE_BYTES

BLOCK_BYTES = 8 << 20  # a few of them fit into a CPU's cache; parsing one takes long enough to be worth a thread
TAIL_BYTES = 1 << 16  # blank lines at the end of a text are looked for in so much of it
LINE_ENDS = (b"\n", b"\r\n")
UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Some whole records of the file, and the number of the first line (the header is line 1).

    `has_no_multiline_quotes` if that is known of its text.
    """

    first_line: int
    text: bytes = field(repr=False)  # rows, which no log may show
    has_no_multiline_quotes: bool = False

    def __str__(self) -> str:
        return f"the block of rows from line {self.first_line:,}"

    @cached_property
    def line_offsets(self) -> np.ndarray:
        """As `csv_records.line_offsets`, computed once for all who ask. Shape: (lines + 1,)."""
        return line_offsets(self.text)

    @property
    def lines(self) -> int:
        """How many lines the text has; the last one need not end with a line feed."""
        return len(self.line_offsets) - 1


class LongLineError(ValueError):
    """A line, by its number, is longer than any bound on memory could hold."""

    def __init__(self, where: str, line: int) -> None:
        super().__init__(f"{where}: line {line} is over {LINE_BYTES} bytes long: is this a CSV file?")
        self.line = line


def blocks_of(file: BinaryIO, *, where: str, size: int = BLOCK_BYTES, stop: int = sys.maxsize) -> Iterator[Block]:
    """The records that a file or stream holds behind its header, in blocks of about `size` bytes.

    Blank lines at the very end of the file are no rows. So a block ends with a line that is not blank, and the blank
    ones behind it come with the next block, if there is one.
    stop: how many bytes further some line begins; the blocks end before the record that this line is in.
    Raises: LongLineError for a line longer than `LINE_BYTES`.
    """
    first_line, waiting = 2, b""
    while lines := read_to_line_end(file, min(size, stop)):
        text, stop = waiting + lines, stop - len(lines)
        if len(text) - (text.rfind(b"\n", 0, -1) + 1) > LINE_BYTES:
            raise LongLineError(where, first_line + text.count(b"\n", 0, -1))
        if stop <= 0:
            if whole := text[: whole_records(text, file)]:
                yield Block(first_line, whole)
            return
        tail = text[-TAIL_BYTES:]
        end = len(text) - len(tail) + len(tail.rstrip(b"\r\n"))  # where the last line that is not blank ends
        is_last = len(lines) < size  # a short read
        cut = end if is_last else _whole_lines(text, end)
        is_closed = not is_last and has_no_multiline_quotes(text)
        if not (is_last or is_closed):
            cut = last_start(text, cut)
        if cut:
            block = Block(first_line, text[:cut], is_closed)  # all of it, mostly, which Python does not copy then
            first_line += block.lines
            yield block
        waiting = text[cut:]
    if rest := waiting.rstrip(b"\r\n"):
        yield Block(first_line, rest)


def _whole_lines(text: bytes, end: int) -> int:
    r"""How many bytes of the text are lines that a block can end with; its last line that is not blank ends at `end`.

    That line is among them if nothing but its line's end follows: `\r\r\n` may be the end of the file, or a broken row.
    >>> _whole_lines(b"1,2\n3,4\n\n", 7), _whole_lines(b"1,2\n3,4\r\r\n", 7)
    (8, 4)
    """
    behind = text.find(b"\n", end) + 1
    return behind if end and text[end:behind] in LINE_ENDS else text.rfind(b"\n", 0, end) + 1


def read_to_line_end(file: BinaryIO, size: int) -> bytes:
    """About `size` bytes: as many, and the rest of the line they end in, unless that is longer than a line may be."""
    text = file.read(size)
    if text and not text.endswith(b"\n"):
        started = len(text) - (text.rfind(b"\n") + 1)  # bytes of the last line that are here already
        text += file.readline(LINE_BYTES + 1 - started)
    return text


def whole_records(text: bytes, file: BinaryIO) -> int:
    """How many bytes of a text are whole records: it starts with one and ends with a line, and the file goes on.

    A broken record counts as not whole if the file ends too soon to tell.
    """
    if has_no_multiline_quotes(text):
        return len(text)
    return last_start(text + read_to_line_end(file, RECORD_BYTES), len(text))
