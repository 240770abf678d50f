"""Where the tables to predict are, and where their answers go: files, folders, or the standard streams."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, TextIO

from pipeline.data.joined_text import joined_text
from pipeline.data.remote import Place, Remote
from pipeline.data.source import csv_text, open_table
from pipeline.inference.writers import CsvOutput, ParquetOutput
from pipeline.runtime.drafts import require_folder_of

STREAM, STANDARD_INPUT = Path("-"), "standard input"
FORMATS: dict[str, type[CsvOutput | ParquetOutput]] = {".csv": CsvOutput, ".parquet": ParquetOutput}
RULE = f"the output must be a {' or '.join(FORMATS)} file, or - for standard output"
OF_FOLDER = "the answers to a folder of tables may be a folder, too, whose name has no dot"


@dataclass(frozen=True)
class Job:
    """Files to read as one table, its name in messages, and what its answers are written into, of which format.

    Without files it is standard input.
    """

    files: Mapping[str, Place]
    where: str
    out: BinaryIO
    suffix: str


def is_folder(out: Path) -> bool:
    """Whether the output is to be one, with a file for each of the table's."""
    return out != STREAM and not out.suffix


def check_places(table: Place, out: Path) -> None:
    """Raise ValueError if one is none to read or to write, as far as that is known before anything is opened."""
    if isinstance(table, Path) and table != STREAM and not table.exists():
        raise ValueError(f"{table}: the table must be a CSV or Parquet file, or a folder of such, found nothing")
    if out == STREAM:
        return
    if is_folder(out) and (isinstance(table, Remote) or table.is_dir()):
        if os.path.lexists(out):
            found = "a folder" if out.is_dir() else "a file"
            raise ValueError(f"{out}: the folder of answers must be new, found {found}; remove it, or name another")
    elif out.suffix not in FORMATS or out.is_dir():
        raise ValueError(f"{out}: {RULE}; {OF_FOLDER}")
    require_folder_of(out)
    if isinstance(table, Remote) or table == STREAM:
        return
    if table.is_dir() and out.resolve().is_relative_to(table.resolve()):
        raise ValueError(f"{out}: the output must lie outside of the table's folder, of which all files are the table")
    if out.exists() and table.samefile(out):
        raise ValueError(f"{out}: the output must be another file than the table")


@contextmanager
def opened(job: Job) -> Iterator[BinaryIO]:
    """The job's table as CSV text: that of a file, of several put together, or of standard input."""
    if len(job.files) > 1:
        yield joined_text(job.files)
    elif job.files:
        with open_table(*job.files.values()) as file:
            yield file
    else:
        yield csv_text(_open(sys.stdin, name="input").buffer, where=STANDARD_INPUT)


@contextmanager
def jobs_of(table: Place, files: Mapping[str, Place], out: Path) -> Iterator[Iterator[Job]]:
    """The jobs, one after the other: all files together, or each on its own if the output is a folder.

    When the block has ended, the output takes its place; if it fails, nothing is left.
    Raises: ValueError if the output's folder cannot be written in, or if two files would have one file of answers.
    """
    where = str(table) if files else STANDARD_INPUT
    if out == STREAM:
        yield iter([Job(files, where, _open(sys.stdout, name="output").buffer, ".csv")])
        return
    names = answers_names(files) if is_folder(out) else {}
    try:
        folder = tempfile.TemporaryDirectory(dir=out.parent, prefix=".predict-")
    except OSError as error:
        raise ValueError(f"{out}: its folder must be one to write in, found {error.strerror}; choose another") from None
    with folder:
        draft = Path(folder.name) / out.name
        yield _one_by_one(files, names, draft) if is_folder(out) else _together(files, where, draft)
        draft.replace(out)


def _together(files: Mapping[str, Place], where: str, draft: Path) -> Iterator[Job]:
    with draft.open("wb") as out:
        yield Job(files, where, out, draft.suffix)


def _one_by_one(files: Mapping[str, Place], names: Mapping[str, str], draft: Path) -> Iterator[Job]:
    for name, place in files.items():
        path = draft / names[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            yield Job({name: place}, str(place), out, path.suffix)


def answers_names(files: Mapping[str, Place]) -> dict[str, str]:
    """How the file with the answers to each file is called: it is Parquet if that is, and else CSV.

    Raises: ValueError if two would be one, or one would be the folder of another.

    >>> answers_names(dict.fromkeys(["2024/may.csv.gz", "june.parquet", "july"], Path()))
    {'2024/may.csv.gz': '2024/may.csv', 'june.parquet': 'june.parquet', 'july': 'july.csv'}
    """
    whole = {file: file.removesuffix(".gz") for file in files}
    names = {file: name if Path(name).suffix in FORMATS else f"{name}.csv" for file, name in whole.items()}
    for one, other in pairwise(sorted(names, key=lambda file: names[file].split("/"))):  # a folder's files follow it
        if names[other] == names[one] or names[other].startswith(f"{names[one]}/"):
            rule = "each file of answers must have a name of its own, that of the table's file without .gz"
            raise ValueError(f"{rule}; found {one} and {other}; rename one, or name one file for all answers")
    return names


def _open(stream: TextIO | None, *, name: str) -> TextIO:
    """The stream, which a shell's `<&-` or `>&-` may have closed."""
    if stream is None:
        raise ValueError(f"- is standard {name}, which must be open, found it closed; name a file")
    return stream
