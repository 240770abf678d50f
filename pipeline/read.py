"""The raw CSV file as a header and blocks of whole lines: memory does not grow with the file."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.schema import COLUMNS

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
    first_line, position, end = 2, offset, _end_of_rows(path)
    with path.open("rb") as file:
        file.seek(offset)
        while position < end:
            text = file.read(min(size, end - position))
            if not text.endswith(b"\n"):
                started = len(text) - (text.rfind(b"\n") + 1)  # bytes of the last line that are here already
                text += file.readline(min(BLOCK_BYTES + 1 - started, end - position - len(text)))
                if len(text) - (text.rfind(b"\n", 0, -1) + 1) > BLOCK_BYTES:
                    line = first_line + text.count(b"\n", 0, -1)
                    raise ValueError(f"{path}: line {line} is over {BLOCK_BYTES} bytes long: is this a CSV file?")
            yield Block(first_line, text)
            first_line += text.count(b"\n")
            position += len(text)


def _end_of_rows(path: Path) -> int:
    """The file's size without the blank lines at its end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    return size - len(tail) + len(tail.rstrip(b"\r\n"))
