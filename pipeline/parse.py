"""A block of lines → rows of text, and every line that is no row with its reason."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.read import Block
from pipeline.schema import COLUMNS

TEXT = pa.dictionary(pa.int32(), pa.string())
FIELD = rb'(?:"[^"\n]*+(?:""[^"\n]*+)*+"|(?!")[^,\n]*+)'
LINE = FIELD + rb"(?:," + FIELD + rb")*+"
WELL_QUOTED = re.compile(LINE + rb"(?:\r?\n" + LINE + rb")*+")
"""Lines whose quoted fields begin behind a comma and end before one: a quote elsewhere opens nothing."""


@dataclass(frozen=True)
class Parsed:
    """A block's rows as text, and its lines that are no rows.

    Shape: rows and lines (rows,); every line of the block is in `lines` or in `broken`.
    """

    rows: pa.RecordBatch
    lines: np.ndarray
    broken: dict[int, str]


def parse(block: Block, names: Sequence[str]) -> Parsed:
    """The block's rows, every column a dictionary of text, and its broken lines with the reason.

    Every physical line is a row: a quoted field may hold commas, and may not span lines.
    """
    lines = len(_lines(block.text))
    broken = _broken_lines(block.text) if _suspicious(block.text) else {}
    rows, skipped = _parse_rows(_without(block.text, broken), names)
    kept = np.delete(np.arange(lines), list(broken))
    broken |= {int(kept[row]): f"{found} fields instead of {len(names)}" for row, found in skipped.items()}
    return Parsed(
        rows=rows.select(list(COLUMNS)),
        lines=np.delete(kept, list(skipped)) + block.first_line,
        broken={row + block.first_line: broken[row] for row in sorted(broken)},
    )


def _suspicious(text: bytes) -> bool:
    """Whether some line may be broken: one fast look at the whole block."""
    return (
        b"\0" in text
        or text.startswith((b"\n", b"\r\n"))
        or b"\n\n" in text
        or b"\n\r\n" in text
        or text.count(b"\r") != text.count(b"\r\n")
        or not _is_utf8(text)
        or (b'"' in text and not _is_well_quoted(text))
    )


def _broken_lines(text: bytes) -> dict[int, str]:
    """Lines that no CSV reader may see, by their position in the block."""
    return {row: reason for row, line in enumerate(_lines(text)) if (reason := _line_problem(line))}


def _line_problem(line: bytes) -> str | None:
    line = line.removesuffix(b"\r")
    if not line:
        return "blank line"
    if b"\0" in line:
        return "NUL byte"
    if b"\r" in line:
        return "carriage return inside the line"
    if not _is_utf8(line):
        return "bytes that are not UTF-8"
    return None if _is_well_quoted(line) else "unclosed or misplaced quote"


def _is_utf8(text: bytes) -> bool:
    try:
        text.isascii() or text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_well_quoted(text: bytes) -> bool:
    return WELL_QUOTED.fullmatch(text) is not None


def _lines(text: bytes) -> list[bytes]:
    return text.removesuffix(b"\n").split(b"\n")


def _without(text: bytes, rows: Collection[int]) -> bytes:
    if not rows:
        return text
    return b"\n".join(line for row, line in enumerate(_lines(text)) if row not in rows)


def _parse_rows(text: bytes, names: Sequence[str]) -> tuple[pa.RecordBatch, dict[int, int]]:
    """The lines with one field per name; of the others their position and number of fields."""
    skipped: dict[int, int] = {}

    def skip(row: pa.csv.InvalidRow) -> str:
        skipped[row.number - 1] = row.actual_columns
        return "skip"

    nothing = pa.record_batch({name: pa.array([], TEXT) for name in names})
    if not text:
        return nothing, skipped
    table = pa.csv.read_csv(
        pa.BufferReader(text),
        read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        parse_options=pa.csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, TEXT), strings_can_be_null=False, null_values=[]
        ),
    )
    return next(iter(table.to_batches()), nothing), skipped  # one block of input makes one batch
