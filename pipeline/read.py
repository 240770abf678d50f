"""A CSV file or stream as a header and blocks of whole lines: memory does not grow with its length."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.schema import COLUMNS, FEATURES

BLOCK_BYTES = 16 << 20
TAIL_BYTES = 1 << 16
ENCODING_MARKS = {
    b"\x1f\x8b": "is compressed with gzip: unpack it first (gunzip)",
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: export the table as CSV",
}
UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Some whole lines of the file, and the number of the first (the header is line 1)."""

    first_line: int
    text: bytes


def read_header(path: Path) -> tuple[list[str], int]:
    """The column names in the file's order, and the offset of the first row.

    Raises: ValueError if this is no CSV file with the contract's columns, each once, in any order.
    """
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing"
        raise ValueError(f"{path}: the raw table must be a CSV file, found {found}; set data.path in params.yaml")
    with path.open("rb") as file:
        line = file.readline(BLOCK_BYTES)
    text = header_text(line, where=str(path))
    if not text:
        raise ValueError(f"{path}: line 1 must be a header of {len(COLUMNS)} columns, found nothing")
    names = [name.strip('"') for name in text.split(",")]  # the contract's names hold neither quotes nor commas
    check_columns(names, where=str(path))
    return names, len(line)


def header_text(line: bytes, *, where: str) -> str:
    """The first line without the marks of its encoding and its end; nothing if it is blank.

    Raises: ValueError if this is no line of UTF-8 text.
    """
    for mark, problem in ENCODING_MARKS.items():
        if line.startswith(mark):
            raise ValueError(f"{where} {problem}")
    if b"\0" in line:
        raise ValueError(f"{where}: line 1 has NUL bytes: this is UTF-16 or no text; save it as UTF-8 CSV")
    text = line.removeprefix(UTF8_MARK).decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    if "\r" in text.strip():
        raise ValueError(
            f"{where}: lines must end with a line feed, found carriage returns alone: save it as UTF-8 CSV"
        )
    return text if text.strip() else ""


def check_columns(names: Sequence[str], *, where: str) -> None:
    """Raise ValueError unless the names are the contract's, each once, in any order."""
    problems = [f"column {name!r} stands {names.count(name)} times" for name in COLUMNS if names.count(name) > 1]
    missing = [name for name in COLUMNS if name not in names]
    unknown = dict.fromkeys(name for name in names if name not in COLUMNS)
    problems += [f"unknown column {name[:60]!r}{_guess(name, missing)}" for name in unknown]
    problems += [f"column {name!r} is missing" for name in missing]
    _refuse(problems, names, COLUMNS, where=where)


def check_features(names: Sequence[str], *, where: str) -> None:
    """Raise ValueError unless every feature of the contract is among the names, and no name stands twice."""
    problems = [f"column {name[:60]!r} stands {count} times" for name, count in Counter(names).items() if count > 1]
    others = [name for name in names if name not in COLUMNS]
    missing = [name for name in FEATURES if name not in names]
    problems += [f"column {name!r} is missing{_guess(name, others)}" for name in missing]
    _refuse(problems, names, FEATURES, where=where)


def _guess(name: str, others: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, others, n=1, cutoff=0.5)
    return f" (is it {close[0]!r}?)" if close else ""


def _refuse(problems: Sequence[str], names: Sequence[str], wanted: Sequence[str], *, where: str) -> None:
    if len(names) == 1 and (separator := re.search(r"[;\t|]", names[0])):
        problems = [f"the separator is {separator.group()!r}: save the table with commas"]
    if problems:
        raise ValueError(f"{where}: the header must name {', '.join(wanted)}; found: {'; '.join(problems)}")


def read_blocks(path: Path, *, offset: int, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The lines of a file behind its header, see `blocks_of`."""
    with path.open("rb") as file:
        file.seek(offset)
        yield from blocks_of(file, where=str(path), size=size)


def blocks_of(file: BinaryIO, *, where: str, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The lines that a file or stream holds behind its header, in blocks of about `size` bytes cut at line ends.

    Blank lines at the very end are no rows: so the last line that is not blank waits until more has been read.
    Raises: ValueError for a line longer than `BLOCK_BYTES`, which no bound on memory could hold.
    """
    first_line, waiting = 2, b""
    while lines := _whole_lines(file, size):
        text = waiting + lines
        if len(text) - (text.rfind(b"\n", 0, -1) + 1) > BLOCK_BYTES:
            line = first_line + text.count(b"\n", 0, -1)
            raise ValueError(f"{where}: line {line} is over {BLOCK_BYTES} bytes long: is this a CSV file?")
        end = _end_of_rows(text)
        last = end if len(lines) < size else text.rfind(b"\n", 0, end) + 1  # a short read is the last
        if last:
            yield Block(first_line, text[:last])
            first_line += text.count(b"\n", 0, last)
        waiting = text[last:]
    if rest := waiting.rstrip(b"\r\n"):
        yield Block(first_line, rest)


def _whole_lines(file: BinaryIO, size: int) -> bytes:
    """About `size` bytes up to a line's end; of a line too long to be one, too few."""
    text = file.read(size)
    if text and not text.endswith(b"\n"):
        started = len(text) - (text.rfind(b"\n") + 1)  # bytes of the last line that are here already
        text += file.readline(BLOCK_BYTES + 1 - started)
    return text


def _end_of_rows(text: bytes) -> int:
    """Where the blank lines at the end of the text start, or `TAIL_BYTES` before its end."""
    tail = text[-TAIL_BYTES:]
    return len(text) - len(tail) + len(tail.rstrip(b"\r\n"))
