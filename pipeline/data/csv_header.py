"""Reads and checks the first line of a CSV table; the errors say what is no CSV, and which columns are missing."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.csv_blocks import BLOCK_BYTES, UTF8_MARK
from pipeline.data.schema import COLUMNS, FEATURES

ENCODING_MARKS = {
    b"\x1f\x8b": "is compressed with gzip: unpack it first (gunzip)",
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: export the table as CSV",
}


@dataclass(frozen=True)
class Header:
    """The first line of a table, and the names of its columns."""

    text: str
    names: tuple[str, ...]


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
    """The first line without its byte order mark and its line end; "" if it is blank.

    Raises: ValueError if the line shows that the file is compressed, or no UTF-8 text.
    """
    for mark, problem in ENCODING_MARKS.items():
        if line.startswith(mark):
            raise ValueError(f"{where} {problem}")
    if b"\0" in line:
        raise ValueError(f"{where}: line 1 has NUL bytes: this is UTF-16 or no text; save it as UTF-8 CSV")
    text = line.removeprefix(UTF8_MARK).decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    if not text.strip():
        return ""
    if "\r" in text:
        raise ValueError(
            f"{where}: lines must end with a line feed, found carriage returns alone: save it as UTF-8 CSV"
        )
    return text


def check_columns(names: Sequence[str], *, where: str) -> None:
    """Raise ValueError unless the names are the contract's, each once, in any order."""
    problems = [f"column {name!r} stands {names.count(name)} times" for name in COLUMNS if names.count(name) > 1]
    missing = [name for name in COLUMNS if name not in names]
    unknown = dict.fromkeys(name for name in names if name not in COLUMNS)
    problems += [f"unknown column {name[:60]!r}{_similar(name, missing)}" for name in unknown]
    problems += [f"column {name!r} is missing" for name in missing]
    _raise_if(problems, names, COLUMNS, where=f"{where}: the header")


def read_features(line: bytes, *, where: str) -> Header:
    """The header of a table that has the contract's features among its columns.

    Raises: ValueError if the line is blank, if a feature is missing, or if two columns have one name.
    """
    text = header_text(line, where=where)
    if not text:
        raise ValueError(f"{where}: line 1 must be a header that names {', '.join(FEATURES)}; found nothing")
    try:
        names = next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(
            f"{where}: line 1 must be column names separated by commas, found {text[:60]!r}: {error}"
        ) from None
    check_features(names, where=f"{where}: the header")
    return Header(text, tuple(names))


def check_features(names: Sequence[str], *, where: str) -> None:
    """Raise ValueError unless the contract's features are among the names, and no name stands twice."""
    problems = [f"column {name[:60]!r} stands {count} times" for name, count in Counter(names).items() if count > 1]
    others = [name for name in names if name not in COLUMNS]
    missing = [name for name in FEATURES if name not in names]
    problems += [f"column {name!r} is missing{_similar(name, others)}" for name in missing]
    _raise_if(problems, names, FEATURES, where=where)


def _similar(name: str, others: Sequence[str]) -> str:
    """A hint at the other name that is most like this one, if there is any."""
    close = difflib.get_close_matches(name, others, n=1, cutoff=0.5)
    return f" (is it {close[0]!r}?)" if close else ""


def _raise_if(problems: Sequence[str], names: Sequence[str], wanted: Sequence[str], *, where: str) -> None:
    """Raise ValueError if there is a problem. One name alone, such as `year;level`, has another separator."""
    if len(names) == 1 and (separator := re.search(r"[;\t|]", names[0])):
        problems = [f"the separator is {separator.group()!r}: save the table with commas"]
    if problems:
        raise ValueError(f"{where} must name {', '.join(wanted)}; found: {'; '.join(problems)}")
