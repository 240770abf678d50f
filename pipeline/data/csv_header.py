"""Reads and checks the first line of a CSV table; the errors say what is no CSV, and which columns are missing."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.csv_blocks import BLOCK_BYTES, UTF8_MARK
from pipeline.data.schema import COLUMNS

ENCODING_MARKS = {
    b"\x1f\x8b": "is compressed with gzip: unpack it first (gunzip)",
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: export the table as CSV",
}


@dataclass(frozen=True)
class Header:
    """The first line of a table, without byte order mark and line end, and the names of its columns."""

    text: str
    names: tuple[str, ...]


def read_header(path: Path) -> tuple[tuple[str, ...], int]:
    """The column names of a raw table in the file's order, and the offset of its first row in bytes.

    Raises: ValueError if this is no CSV file with the contract's columns, each once, in any order.
    """
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing"
        raise ValueError(f"{path}: the raw table must be a CSV file, found {found}; set data.path in params.yaml")
    with path.open("rb") as file:
        line = file.readline(BLOCK_BYTES)
    return parse_header(line, COLUMNS, others_allowed=False, where=str(path)).names, len(line)


def parse_header(line: bytes, wanted: Sequence[str], *, others_allowed: bool, where: str) -> Header:
    """The header that the first line is.

    Raises: ValueError if the line is blank or no line of UTF-8 CSV, or as `check_columns`.
    """
    for mark, problem in ENCODING_MARKS.items():
        if line.startswith(mark):
            raise ValueError(f"{where} {problem}")
    if b"\0" in line:
        raise ValueError(f"{where}: line 1 has NUL bytes: this is UTF-16 or no text; save it as UTF-8 CSV")
    text = line.removeprefix(UTF8_MARK).decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    if not text.strip():
        raise ValueError(f"{where}: line 1 must be a header that names {', '.join(wanted)}; found nothing")
    if "\r" in text:
        raise ValueError(f"{where}: lines must end with a line feed, found carriage returns alone; save it as UTF-8")
    try:
        names = next(csv.reader([text], strict=True))
    except csv.Error as error:
        rule = f"{where}: line 1 must be column names separated by commas"
        raise ValueError(f"{rule}, found {text[:60]!r}: {error}") from None
    check_columns(names, wanted, others_allowed=others_allowed, where=f"{where}: the header")
    return Header(text, tuple(names))


def check_columns(names: Sequence[str], wanted: Sequence[str], *, others_allowed: bool, where: str) -> None:
    """Raise ValueError unless the names are the wanted ones and perhaps others, in any order, each once."""
    others = [name for name in dict.fromkeys(names) if name not in COLUMNS]
    problems = [f"column {name[:60]!r} stands {count} times" for name, count in Counter(names).items() if count > 1]
    for name in wanted:
        if name not in names:
            similar = difflib.get_close_matches(name, others, n=1, cutoff=0.5)
            problems += [f"column {name!r} is missing" + (f" (is it {similar[0]!r}?)" if similar else "")]
    if not others_allowed:
        problems += [f"unknown column {name[:60]!r}" for name in others]
    if len(names) == 1 and (separator := re.search(r"[;\t|]", names[0])):  # `year;level` is one name
        problems = [f"the separator is {separator.group()!r}: save the table with commas"]
    if problems:
        raise ValueError(f"{where} must name {', '.join(wanted)}; found: {'; '.join(problems)}")
