"""Reads and checks the first line of a CSV table; the errors say what is no CSV, and which columns are missing."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from pipeline.data.csv_blocks import UTF8_MARK
from pipeline.data.remote import Place
from pipeline.data.schema import COLUMNS
from pipeline.data.source import LINE_BYTES, open_table

UNNAMED = "unnamed_{}"
"""What a column whose name is empty is called: by its place, from 1. A name that repeats has its place behind it."""
NAME_LENGTH, NAMES_SHOWN = 60, 10  # how much of a header a message shows


@dataclass(frozen=True)
class Header:
    """The first line of a table, without byte order mark and line end, and names for its columns, no two the same."""

    text: str
    names: tuple[str, ...]


def read_header(path: Place) -> tuple[tuple[str, ...], int]:
    """The column names of a table's file in its order, and the offset of its first row in bytes.

    Raises: ValueError if this is no table with the contract's columns, each once, among others and in any order.
    Of other columns a name may be empty or repeat: then it comes back with the column's place.
    """
    with open_table(path) as file:
        line = file.readline(LINE_BYTES)
    return parse_header(line, COLUMNS, where=str(path)).names, len(line)


def parse_header(line: bytes, wanted: Sequence[str], *, where: str) -> Header:
    """The header that the first line is.

    Raises: ValueError if the line is blank or no line of UTF-8 CSV, or as `check_columns`.
    """
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
    check_columns(names, wanted, where=f"{where}: the header")
    return Header(text, _distinct(names))


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """A name for each column.

    >>> _distinct(["", "id", "id", "unnamed_1"])
    ('unnamed_1_1', 'id', 'id_3', 'unnamed_1')
    """
    given, taken = set(names), dict[str, None]()
    for place, name in enumerate(names, start=1):
        own = name if name.strip() else UNNAMED.format(place)
        while own in taken or (own != name and own in given):
            own += f"_{place}"
        taken[own] = None
    return tuple(taken)


def check_columns(names: Sequence[str], wanted: Sequence[str], *, where: str) -> None:
    """Raise ValueError unless the names are the wanted ones and perhaps others, none of the contract's twice."""
    repeated = {name: count for name, count in Counter(names).items() if count > 1 and name in COLUMNS}
    problems = [f"column {name!r} stands {count} times (keep one of them)" for name, count in repeated.items()]
    missing = [name for name in wanted if name not in names]
    similar = _similar(missing, other_columns(names))
    for name in missing:
        problems += [f"column {name!r} is missing" + (f" (is it {similar[name]!r}?)" if name in similar else "")]
    if len(names) == 1 and (separator := re.search(r"[;\t|]", names[0])):  # `year;level` is one name
        problems = [f"the separator is {separator.group()!r}: save the table with commas"]
    if problems:
        raise ValueError(f"{where} must name {', '.join(wanted)}; found: {'; '.join(problems)}")


def _similar(missing: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """For each missing column the other one that it may be: the most similar pairs first, and each name in one pair.

    >>> _similar(["work_year", "job_title"], ["Work Year", "year", "title"])
    {'work_year': 'Work Year', 'job_title': 'title'}
    """
    near = [name for name in others if len(name) <= NAME_LENGTH]
    pairs = [
        (difflib.SequenceMatcher(a=_folded(name), b=_folded(other)).ratio(), (name, other))
        for name, other in product(missing, near)
    ]
    found: dict[str, str] = {}
    for likeness, (name, other) in sorted(pairs, key=lambda each: -each[0]):
        if likeness >= 0.5 and name not in found and other not in found.values():
            found[name] = other
    return found


def _folded(name: str) -> str:
    """Without regard to case, blanks and underscores: `Work Year` is `workyear`."""
    return re.sub(r"[\W_]", "", name).casefold()


def other_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Those that are none of the contract's."""
    return tuple(name for name in dict.fromkeys(names) if name not in COLUMNS)


def in_words(others: Sequence[str]) -> str:
    """Some columns that are not in the contract, in words, and where those without a name come from.

    >>> in_words(["bonus"])
    "1 column is not in the data contract: 'bonus'"
    """
    shown = ", ".join(repr(name[:NAME_LENGTH]) for name in others[:NAMES_SHOWN])
    more = f" and {len(others) - NAMES_SHOWN} more" if len(others) > NAMES_SHOWN else ""
    explained = f"{'1 column is' if len(others) == 1 else f'{len(others)} columns are'} not in the data contract"
    text = f"{explained}: {shown}{more}"
    if any(re.fullmatch(UNNAMED.format("[0-9_]+"), name) for name in others):
        text += " (without a name in the header: an index, which to_csv(index=False) leaves out, or a comma at its end)"
    return text
