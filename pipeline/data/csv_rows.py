"""A block of lines → rows of text, and what is wrong with each line that is no row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.data.csv_blocks import UTF8_MARK, Block
from pipeline.data.schema import AMOUNTS, COLUMNS

TYPES = {name: pa.string() if name in AMOUNTS else pa.dictionary(pa.int32(), pa.string()) for name in COLUMNS}
LINE_FEED, RETURN = 0x0A, 0x0D

# A quote opens a field at its start alone: behind a comma or a line feed, or where the text begins.
# The quote stands first and the look behind it second, because the search for a literal byte is many times as fast.
QUOTED_FIELD = re.compile(rb'"(?<![^,\n]")[^"\n]*+(?:""[^"\n]*+)*+"(?![^,\r\n])')  # `"Lead, ""AI"""`
OPENING_QUOTE = re.compile(rb'"(?<![^,\n]")')  # that of `"Lead`, not that of `5" Analyst`

FINE = ""
PROBLEMS = (
    FINE,
    "blank line",
    "NUL byte",
    "carriage return inside the line",
    "byte order mark inside the file",
    "bytes that are not UTF-8",
    "unclosed or misplaced quote",
    "not {fields} fields",
)


@dataclass(frozen=True)
class Parsed:
    """A block's rows as text, and what is wrong with the lines that are no rows.

    Shape: rows (rows,), and positions (rows,) of their lines in the block; problems (lines of the block,) int8, each a
    position in `PROBLEMS`.
    """

    block: Block
    rows: pa.RecordBatch
    positions: np.ndarray
    problems: np.ndarray
    fields: int

    def problem(self, code: int) -> str:
        """What is wrong, in words."""
        return PROBLEMS[code].format(fields=self.fields)


def parse(block: Block, names: Sequence[str], *, keep: Sequence[str] = COLUMNS) -> Parsed:
    """The block's rows as text, the contract's amounts and other columns plain, all else in dictionaries.

    `names` are the header's; only the columns to keep are read. Every physical line is a row: a quoted field may hold
    commas, and may not span lines.
    """
    problems = _problems(block.text)
    fine = np.flatnonzero(problems == PROBLEMS.index(FINE))  # positions of lines
    text = block.text
    if len(fine) < len(problems):
        lines = split_lines(text)
        text = b"\n".join([lines[position] for position in fine.tolist()])
    rows, skipped = _parse_rows(text, names, keep)
    problems[fine[skipped]] = len(PROBLEMS) - 1  # another number of fields
    return Parsed(block, rows, np.delete(fine, skipped), problems, len(names))


def _problems(text: bytes) -> np.ndarray:
    """What is wrong with each line before its fields are counted. Shape: returns (lines,) int8."""
    if not _is_suspicious(text):
        return np.zeros(text.count(b"\n") + (not text.endswith(b"\n")), np.int8)
    return np.array([PROBLEMS.index(_line_problem(line)) for line in split_lines(text)], np.int8)


def _is_suspicious(text: bytes) -> bool:
    """Whether some line may be broken: one fast look at the whole block, most of it outside Python's lock."""
    codes = np.frombuffer(text, np.uint8)  # (bytes,)
    ends = np.flatnonzero(codes == LINE_FEED)  # (line feeds,) positions of bytes
    returns = codes[ends - 1] == RETURN  # (line feeds,) whether \r\n ends the line; of ends[0] == 0 any answer does
    lengths = np.diff(ends, prepend=-1) - returns  # (line feeds,) bytes of each line, its line feed counted
    return bool(
        b"\0" in text
        or (lengths <= 1).any()  # a blank line
        or np.count_nonzero(codes == RETURN) != np.count_nonzero(returns)  # a return elsewhere
        or not (text.isascii() or (_is_utf8(text) and UTF8_MARK not in text))
        or (b'"' in text and not _is_well_quoted(text))
    )


def _line_problem(line: bytes) -> str:
    line = line.removesuffix(b"\r")
    if not line:
        return "blank line"
    if b"\0" in line:
        return "NUL byte"
    if b"\r" in line:
        return "carriage return inside the line"
    if line.startswith(UTF8_MARK):
        return "byte order mark inside the file"
    if not _is_utf8(line):
        return "bytes that are not UTF-8"
    return FINE if _is_well_quoted(line) else "unclosed or misplaced quote"


def _is_utf8(text: bytes) -> bool:
    try:
        text.isascii() or text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_well_quoted(text: bytes) -> bool:
    """Whether each quote that opens a field is closed before a comma or the line's end: no opening quote stands alone.

    No group that can go back is inside a possessive one: Python before 3.11.5 matches those wrongly.
    """
    return OPENING_QUOTE.search(QUOTED_FIELD.sub(b"", text)) is None


def split_lines(text: bytes) -> list[bytes]:
    """The lines of a block, without their line feeds."""
    return text.removesuffix(b"\n").split(b"\n")


def text_of(line: bytes) -> str:
    """A broken line as text, bytes that are not UTF-8 escaped."""
    return line.removesuffix(b"\r").decode("utf-8", errors="backslashreplace")


def _parse_rows(text: bytes, names: Sequence[str], keep: Sequence[str]) -> tuple[pa.RecordBatch, list[int]]:
    """The lines that have one field per name as rows, and the positions of the others among the lines."""
    skipped: list[int] = []

    def skip(row: pa.csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        return "skip"

    types = {name: TYPES.get(name, pa.string()) for name in keep}
    nothing = pa.record_batch({name: pa.array([], kind) for name, kind in types.items()})
    if not text:
        return nothing, skipped
    table = pa.csv.read_csv(
        pa.BufferReader(text),
        read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        parse_options=pa.csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=types, include_columns=keep, strings_can_be_null=False, null_values=[]
        ),
    )
    return next(iter(table.to_batches()), nothing), skipped  # one block of input makes one batch
