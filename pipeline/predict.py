"""Predict each row of a table, CSV or Parquet: it comes out in its place, with an answer or the reason for none."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO

import pyarrow.compute as pc
from tqdm import tqdm

from pipeline import params
from pipeline.data.csv_blocks import BLOCK_BYTES, blocks_of
from pipeline.data.csv_header import in_words, other_columns, parse_header
from pipeline.data.csv_rows import parse
from pipeline.data.schema import FEATURES
from pipeline.data.source import csv_text
from pipeline.inference.answers import ANSWERS, PROBLEM, UNKNOWN_FEATURES, Answers, answer
from pipeline.inference.predictions import CachingBundle
from pipeline.inference.writers import CsvOutput, ParquetOutput, SafeCsvOutput
from pipeline.runtime.arguments import command_parser, share
from pipeline.runtime.command import EXPECTED, command
from pipeline.runtime.drafts import require_folder_of
from pipeline.runtime.errors import RuleError
from pipeline.runtime.prefetch import prefetched

STREAM = Path("-")
FORMATS: dict[str, type[CsvOutput | ParquetOutput]] = {".csv": CsvOutput, ".parquet": ParquetOutput}


@dataclass
class Counts:
    """How many rows there were, how many of them without a prediction, and how many with a value without a code.

    `ignored` has the columns that the data contract does not name, `uncalibrated` the percents of intervals that the
    model does not know, and `first_problem` is that of the first row without a prediction.
    """

    ignored: tuple[str, ...] = ()
    uncalibrated: tuple[int, ...] = ()
    rows: int = 0
    problems: int = 0
    unknown: int = 0
    first_problem: str = ""

    def add(self, answers: Answers) -> None:
        """Count one more block."""
        has_problem = pc.is_valid(answers.distinct[PROBLEM]).to_numpy()  # (distinct answers,)
        has_unknown = pc.fill_null(pc.not_equal(answers.distinct[UNKNOWN_FEATURES], ""), False).to_numpy()
        of_rows = has_problem[answers.inverse]  # (rows,)
        if not self.problems and of_rows.any():
            self.first_problem = answers.distinct[PROBLEM][answers.inverse[of_rows.argmax()].item()].as_py()[:200]
        self.rows += len(of_rows)
        self.problems += int(of_rows.sum())
        self.unknown += int(has_unknown[answers.inverse].sum())

    def check(self, allowed: float | None) -> None:
        """Raise TooFewAnswersError if more rows than this share have no prediction; None asks for one at least."""
        too_many = self.problems == self.rows if allowed is None else self.problems / max(self.rows, 1) > allowed
        if self.rows and too_many:
            rule = f"for {'one row' if allowed is None else f'{1 - allowed:.4%} of the rows'} at least"
            found = f"none for {self.problems} of {self.rows} (first: {self.first_problem})"
            fix = "it is written all the same: mend the table, or raise --max-bad-fraction"
            raise TooFewAnswersError("the output", rule=f"must hold a prediction {rule}", found=found, fix=fix)


class TooFewAnswersError(RuleError):
    """More rows without a prediction than are allowed."""


EXIT_CODES: Mapping[type[Exception], int] = {TooFewAnswersError: 3, **EXPECTED}


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    examples = ["new.csv --model models/full --out answers.csv", "- --model models/full --out - <new.csv | head"]
    codes = {
        1: "an error, told in one message; the output is as it was",
        3: "too many rows have no prediction; the output is written all the same",
    }
    parser = command_parser("predict", __doc__, examples=examples, own_codes=codes)
    parser.add_argument(
        "table", type=Path, help="CSV or Parquet file with the contract's features; - is standard input"
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--out", type=Path, required=True, help=".csv or .parquet file; - is CSV on standard output")
    rule = "exit with code 3 if a larger share of the rows has no prediction; else only if no row has one"
    parser.add_argument("--max-bad-fraction", type=share, help=rule)
    safe = "no cell of the CSV output is a formula to a spreadsheet: an apostrophe stands before = + - @ tab and CR"
    parser.add_argument("--safe-cells", action="store_true", help=safe)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, predict, say how many rows have an answer."""
    parser = arguments()
    given = parser.parse_args(argv)
    if given.safe_cells and given.out.suffix == ".parquet":
        parser.error("--safe-cells is for CSV: nothing takes a text of Parquet for a formula")
    if given.out == STREAM and sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends this process as it ends any filter
    with command("predict", expected=EXIT_CODES, interrupted=f"{given.out} is as it was"):
        params.check(FEATURES)
        counts = run(given.table, model=given.model, out=given.out, safe_cells=given.safe_cells)
        if counts.ignored:
            print(f"predict: {in_words(counts.ignored)}: kept in the output, and not read", file=sys.stderr)
        print(
            f"predict: {counts.rows} rows, {counts.problems} of them without a prediction (column {PROBLEM} says why),"
            f" {counts.unknown} with values that the model does not know (column {UNKNOWN_FEATURES})",
            *(
                f"predict: {percent} % intervals are as wide as the contract allows: the validation rows were too few"
                for percent in counts.uncalibrated
            ),
            sep="\n",
            file=sys.stderr,
        )
        counts.check(given.max_bad_fraction)


def run(table: Path, *, model: Path, out: Path, safe_cells: bool = False, block_bytes: int = BLOCK_BYTES) -> Counts:
    """Predict the table's rows; `out` changes when all is written, or not at all.

    safe_cells: no cell of a CSV output may be a formula to a spreadsheet; else the cells are as in the table.
    Raises: ValueError if a path is none to read or write, the bundle is damaged, or the table lacks a feature.
    """
    _check_paths(table, out)
    bundle = CachingBundle.load(model)
    where = "standard input" if table == STREAM else str(table)
    with ExitStack() as stack:
        source = csv_text(stack.enter_context(_source(table)), where=where)
        draft = stack.enter_context(_draft(out))
        header = parse_header(source.readline(BLOCK_BYTES), FEATURES, where=where)
        if taken := [name for name in ANSWERS.names if name in header.names]:
            raise ValueError(f"{where}: these columns are for the answers, found {', '.join(taken)}; rename them")
        counts = Counts(other_columns(header.names), bundle.intervals.uncalibrated)
        kind = SafeCsvOutput if safe_cells else FORMATS.get(out.suffix, CsvOutput)
        output = stack.enter_context(closing(kind(draft, header)))
        size = None if table == STREAM else table.stat().st_size
        progress = stack.enter_context(tqdm(total=size, desc="predict", unit="B", unit_scale=True, disable=None))
        blocks = blocks_of(source, where=where, size=block_bytes)
        parsed = prefetched(partial(parse, names=header.names, keep=output.columns), blocks)
        answers = (answer(bundle, block) for block in parsed)
        for written in stack.enter_context(closing(prefetched(output.write, answers, threads=1))):
            counts.add(written)
            progress.update(len(written.parsed.block.text))
    return counts


def _check_paths(table: Path, out: Path) -> None:
    if table != STREAM and (table.is_dir() or not table.exists()):
        found = "a directory" if table.is_dir() else "nothing"
        raise ValueError(f"{table}: the table must be a CSV or Parquet file, found {found}")
    if out == STREAM:
        return
    if out.suffix not in FORMATS or out.is_dir():
        raise ValueError(f"{out}: the output must be a {' or '.join(FORMATS)} file, or - for standard output")
    require_folder_of(out)
    if out.exists() and table != STREAM and table.samefile(out):
        raise ValueError(f"{out}: the output must be another file than the table")


def _source(table: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(_open(sys.stdin, name="input").buffer) if table == STREAM else table.open("rb")


@contextmanager
def _draft(out: Path) -> Iterator[BinaryIO]:
    """A file beside the output, which takes its place at the end; standard output as it is."""
    if out == STREAM:
        yield _open(sys.stdout, name="output").buffer
        return
    try:
        folder = tempfile.TemporaryDirectory(dir=out.parent, prefix=".predict-")
    except OSError as error:
        raise ValueError(f"{out}: its folder must be one to write in, found {error.strerror}; choose another") from None
    with folder:
        path = Path(folder.name) / out.name
        with path.open("wb") as file:
            yield file
        path.replace(out)


def _open(stream: TextIO | None, *, name: str) -> TextIO:
    """The stream, which a shell's `<&-` or `>&-` may have closed."""
    if stream is None:
        raise ValueError(f"- is standard {name}, which must be open, found it closed; name a file")
    return stream


if __name__ == "__main__":
    main()
