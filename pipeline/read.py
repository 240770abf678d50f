"""The raw CSV file as blocks of whole lines: bounded memory, and every broken line found with its number."""

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.schema import COLUMNS

BLOCK_BYTES = 16 << 20
TEXT = pa.dictionary(pa.int32(), pa.string())
ENCODING_MARKS = {
    b"\x1f\x8b": "is compressed with gzip: unpack it first (gunzip)",
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: export the table as CSV",
}
UTF8_MARK = b"\xef\xbb\xbf"
FIELD = rb'(?:"[^"\n]*+(?:""[^"\n]*+)*+"|(?!")[^,\n]*+)'
LINE = FIELD + rb"(?:," + FIELD + rb")*+"
WELL_QUOTED = re.compile(LINE + rb"(?:\r?\n" + LINE + rb")*+")
"""Lines whose quoted fields begin behind a comma and end before one: a quote elsewhere opens nothing."""


@dataclass(frozen=True)
class Block:
    """Some whole lines of the file, and the number of the first (the header is line 1)."""

    first_line: int
    text: bytes


@dataclass(frozen=True)
class Parsed:
    """A block's rows as text, and its lines that are no rows.

    Shape: rows and lines (rows,); every line of the block is in `lines` or in `broken`.
    """

    rows: pa.RecordBatch
    lines: np.ndarray
    broken: dict[int, str]


def read_header(path: Path) -> tuple[list[str], int]:
    """The column names in the file's order, and the offset of the first row.

    Raises: ValueError if this is no CSV file with the contract's columns, each once, in any order.
    """
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing"
        raise ValueError(f"{path}: the raw table must be a CSV file, found {found}; set data.path in params.yaml")
    with path.open("rb") as file:
        line = file.readline(BLOCK_BYTES)
    for mark, problem in ENCODING_MARKS.items():
        if line.startswith(mark):
            raise ValueError(f"{path} {problem}")
    if b"\0" in line:
        raise ValueError(f"{path}: line 1 has NUL bytes: this is UTF-16 or no text; save it as UTF-8 CSV")
    text = line.removeprefix(UTF8_MARK).decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    if not text.strip():
        raise ValueError(f"{path}: line 1 must be a header of {len(COLUMNS)} columns, found nothing")
    if "\r" in text:
        raise ValueError(f"{path}: lines must end with a line feed, found carriage returns alone: save it as UTF-8 CSV")
    names = [name.strip('"') for name in text.split(",")]  # the contract's names hold neither quotes nor commas
    check_columns(names, where=str(path))
    return names, len(line)


def check_columns(names: Sequence[str], *, where: str) -> None:
    """Raise ValueError unless the names are the contract's, each once, in any order."""
    problems = [f"column {name!r} stands {names.count(name)} times" for name in COLUMNS if names.count(name) > 1]
    missing = [name for name in COLUMNS if name not in names]
    for name in dict.fromkeys(name for name in names if name not in COLUMNS):
        close = difflib.get_close_matches(name, missing, n=1, cutoff=0.5)
        problems.append(f"unknown column {name[:60]!r}" + (f" (is it {close[0]!r}?)" if close else ""))
    problems += [f"column {name!r} is missing" for name in missing]
    if len(names) == 1 and (separator := re.search(r"[;\t|]", names[0])):
        problems = [f"the separator is {separator.group()!r}: save the table with commas"]
    if problems:
        raise ValueError(f"{where}: the header must name {', '.join(COLUMNS)}; found: {'; '.join(problems)}")


def read_blocks(path: Path, *, offset: int, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The lines behind the header, in blocks of about `size` bytes cut at line ends.

    Blank lines at the very end of the file are no rows.
    Raises: ValueError for a line longer than `BLOCK_BYTES`, which no bound on memory could hold.
    """
    first_line, rest = 2, b""
    with path.open("rb") as file:
        remaining = _end_of_rows(path) - offset
        file.seek(offset)
        while remaining > 0 and (chunk := file.read(min(size, remaining))):
            remaining -= len(chunk)
            cut = chunk.rfind(b"\n") + 1 if remaining else len(chunk)
            if len(rest) + (chunk.find(b"\n") if cut else len(chunk)) > BLOCK_BYTES:
                raise ValueError(f"{path}: line {first_line} is over {BLOCK_BYTES} bytes long: is this a CSV file?")
            whole, rest = rest + chunk[:cut], (b"" if cut else rest) + chunk[cut:]
            if cut:
                yield Block(first_line, whole)
                first_line += whole.count(b"\n")


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


def _end_of_rows(path: Path) -> int:
    """The file's size without the blank lines at its end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - BLOCK_BYTES))
        tail = file.read()
    return size - len(tail) + len(tail.rstrip(b"\r\n"))


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
