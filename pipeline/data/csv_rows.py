"""A block of records → rows of text, and what is wrong with each record that is no row."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.data.csv_blocks import UTF8_MARK, Block
from pipeline.data.csv_records import has_no_multiline_quotes, is_record, record_offsets, unquoted
from pipeline.data.schema import AMOUNTS, COLUMNS

TYPES = {name: pa.string() if name in AMOUNTS else pa.dictionary(pa.int32(), pa.string()) for name in COLUMNS}
RETURN = 0x0D

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
    """A block's rows as text, and what is wrong with the records that are no rows.

    Shape: rows (rows,), and positions (rows,) of their records in the block; offsets (records of the block + 1,) where
    each starts, in bytes, the last one behind the text; problems (records,) int8, each a position in `PROBLEMS`.
    """

    block: Block
    rows: pa.RecordBatch
    positions: np.ndarray
    offsets: np.ndarray
    problems: np.ndarray
    fields: int

    def problem(self, code: int) -> str:
        """What is wrong, in words."""
        return PROBLEMS[code].format(fields=self.fields)

    def record(self, position: int) -> str:
        """A record as text, without its line's end, bytes that are not UTF-8 escaped."""
        record = self.block.text[self.offsets[position] : self.offsets[position + 1]]
        return record.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors="backslashreplace")

    def lines(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the records' first and last lines in the file. Shape: (n,) positions; returns (n,) each."""
        if not len(positions):
            return positions, positions
        starts = self.block.line_offsets
        first, behind = (np.searchsorted(starts, self.offsets[positions + step]) for step in (0, 1))
        return first + self.block.first_line, behind + self.block.first_line - 1

    def spans(self, positions: np.ndarray) -> list[str]:
        """The records' lines in words: `line 3`, `lines 3 to 66 (64 lines)`. Shape: (n,) positions; returns (n,)."""
        return [span(first, last) for first, last in zip(*map(np.ndarray.tolist, self.lines(positions)), strict=True)]


def span(first: int, last: int) -> str:
    """The lines from the first to the last, in words.

    >>> span(3, 3), span(3, 66)
    ('line 3', 'lines 3 to 66 (64 lines)')
    """
    return f"line {first}" if first == last else f"lines {first} to {last} ({last - first + 1} lines)"


def parse(block: Block, names: Sequence[str], *, keep: Sequence[str] = COLUMNS) -> Parsed:
    """The block's rows as text, the contract's amounts and other columns plain, all else in dictionaries.

    `names` are the header's; only the columns to keep are read.
    """
    text, offsets = block.text, block.line_offsets
    problems = np.zeros(len(offsets) - 1, np.int8)
    if _is_suspicious(block, offsets):
        offsets = record_offsets(text)
        records = _split(text, offsets)
        problems = np.array([PROBLEMS.index(_problem(record)) for record in records], np.int8)
        text = b"\n".join([record for record, code in zip(records, problems.tolist(), strict=True) if not code])
    fine = np.flatnonzero(problems == PROBLEMS.index(FINE))  # positions of records
    rows, skipped = _parse_rows(text, names, keep)
    problems[fine[skipped]] = len(PROBLEMS) - 1  # another number of fields
    return Parsed(block, rows, np.delete(fine, skipped), offsets, problems, len(names))


def _is_suspicious(block: Block, offsets: np.ndarray) -> bool:
    """Whether some line may be broken, or no record: one fast look at all, most of it outside Python's lock.

    Shape: offsets (lines + 1,).
    """
    text, codes = block.text, np.frombuffer(block.text, np.uint8)  # (bytes,)
    returns = codes[offsets[1:] - 2] == RETURN  # (lines,) whether \r\n ends the line; of an empty first any answer does
    return bool(
        b"\0" in text
        or (np.diff(offsets) - returns <= 1).any()  # a blank line
        or np.count_nonzero(codes == RETURN) != np.count_nonzero(returns)  # a return elsewhere
        or not (text.isascii() or (_is_utf8(text) and UTF8_MARK not in text))
        or not (block.has_no_multiline_quotes or has_no_multiline_quotes(text))
    )


def _problem(record: bytes) -> str:
    record = record.removesuffix(b"\r")
    if not record:
        return "blank line"
    if b"\0" in record:
        return "NUL byte"
    if record.startswith(UTF8_MARK):
        return "byte order mark inside the file"
    if not _is_utf8(record):
        return "bytes that are not UTF-8"
    if not is_record(record):
        return "unclosed or misplaced quote"
    return "carriage return inside the line" if b"\r" in unquoted(record) else FINE


def _is_utf8(text: bytes) -> bool:
    try:
        text.isascii() or text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _split(text: bytes, offsets: np.ndarray) -> list[bytes]:
    """The records without their line feeds. Shape: offsets (records + 1,)."""
    return [text[start : end - 1] for start, end in itertools.pairwise(offsets.tolist())]


def _parse_rows(text: bytes, names: Sequence[str], keep: Sequence[str]) -> tuple[pa.RecordBatch, list[int]]:
    """The records that have one field per name as rows, and the positions of the others among the records."""
    skipped: list[int] = []

    def skip(row: pa.csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        return "skip"

    types = {name: TYPES.get(name, pa.string()) for name in keep}
    nothing = pa.record_batch({name: pa.nulls(0, kind) for name, kind in types.items()})
    if not text:
        return nothing, skipped
    table = pa.csv.read_csv(
        pa.BufferReader(text),
        read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        parse_options=pa.csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            check_utf8=False,  # _is_suspicious or _problem has, for less
            column_types=types,
            include_columns=keep,
            strings_can_be_null=False,
            null_values=[],
        ),
    )
    return next(iter(table.to_batches()), nothing), skipped  # one block of input makes one batch
