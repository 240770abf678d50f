"""Where the tables to predict are, and where their answers go: files, folders, or the standard streams."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
        if out.exists():
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
def opened(files: Mapping[str, Place]) -> Iterator[BinaryIO]:
    """The CSV text of a file, or of several put together; of standard input if there is none."""
    if len(files) > 1:
        yield joined_text(files)
    elif files:
        with open_table(*files.values()) as file:
            yield file
    else:
        yield csv_text(_open(sys.stdin, name="input").buffer, where=STANDARD_INPUT)


Answered = Iterator[tuple[Mapping[str, Place], str, BinaryIO]]
"""Files of the table, the name of where their answers go, and the file to write these into."""


@contextmanager
def answers_of(files: Mapping[str, Place], out: Path) -> Iterator[Answered]:
    """The file that takes all answers, or the one of each file; all take their places at the end of the block.

    Raises: ValueError if the folder cannot be written in, or if two files of the table would have one of answers.
    """
    if out == STREAM:
        yield iter([(files, out.name, _open(sys.stdout, name="output").buffer)])
        return
    try:
        folder = tempfile.TemporaryDirectory(dir=out.parent, prefix=".predict-")
    except OSError as error:
        raise ValueError(f"{out}: its folder must be one to write in, found {error.strerror}; choose another") from None
    with folder:
        draft = Path(folder.name) / out.name
        yield _of_each_file(files, draft) if is_folder(out) else _of_all(files, draft)
        draft.replace(out)


def _of_all(files: Mapping[str, Place], draft: Path) -> Answered:
    with draft.open("wb") as file:
        yield files, draft.name, file


def _of_each_file(files: Mapping[str, Place], draft: Path) -> Answered:
    taken: dict[str, str] = {}  # by the name of answers, the file they are for
    for name, place in files.items():
        if (other := taken.setdefault(answers_name(name), name)) != name:
            rule = "each of the table's files must have a name of its own, without .gz"
            raise ValueError(f"{rule}; found {other} and {name}; rename one, or name one file for all answers")
        path = draft / answers_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield {name: place}, path.name, file


def answers_name(name: str) -> str:
    """How the file with the answers to a file is called: it is Parquet if that is, and else CSV.

    >>> [answers_name(name) for name in ("2024/may.csv.gz", "june.parquet", "july", "august.v2")]
    ['2024/may.csv', 'june.parquet', 'july.csv', 'august.v2.csv']
    """
    name = name.removesuffix(".gz")
    return name if Path(name).suffix in FORMATS else f"{name}.csv"


def _open(stream: TextIO | None, *, name: str) -> TextIO:
    """The stream, which a shell's `<&-` or `>&-` may have closed."""
    if stream is None:
        raise ValueError(f"- is standard {name}, which must be open, found it closed; name a file")
    return stream
