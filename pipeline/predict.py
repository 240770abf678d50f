"""Predict each row of a table, CSV or Parquet: it comes out in its place, with an answer or the reason for none."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from pipeline import params
from pipeline.data.csv_blocks import BLOCK_BYTES, blocks_of
from pipeline.data.csv_header import Header, in_words, other_columns, parse_header
from pipeline.data.remote import Place, place_of, size_of
from pipeline.data.schema import FEATURES
from pipeline.data.source import LINE_BYTES
from pipeline.data.table_files import table_files
from pipeline.inference.answers import ANSWERS, PROBLEM, UNKNOWN_FEATURES
from pipeline.inference.places import FORMATS, STREAM, Job, check_places, jobs_of, opened
from pipeline.inference.scoring import Counts, Scorer, load
from pipeline.inference.writers import CsvOutput, SafeCsvOutput
from pipeline.runtime.arguments import command_parser, share
from pipeline.runtime.command import EXPECTED, command
from pipeline.runtime.errors import RuleError
from pipeline.runtime.packages import hidden
from pipeline.runtime.workers import Workers, start_workers


class TooFewAnswersError(RuleError):
    """More rows without a prediction than are allowed."""


def check(counts: Counts, allowed: float | None) -> None:
    """Raise TooFewAnswersError if more rows than this share have no prediction; None asks for one at least."""
    problems, rows = counts.problems, counts.rows
    if rows and (problems == rows if allowed is None else problems / rows > allowed):
        rule = f"for {'one row' if allowed is None else f'{1 - allowed:.4%} of the rows'} at least"
        found = f"none for {problems} of {rows} (first: {counts.first_problem})"
        fix = "it is written all the same: mend the table, or raise --max-bad-fraction"
        raise TooFewAnswersError("the output", rule=f"must hold a prediction {rule}", found=found, fix=fix)


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
        "table",
        help="CSV or Parquet file with the contract's features, a folder of such, or a URL; - is standard input",
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    out = ".csv or .parquet file, or for a folder a new folder; - is CSV on standard output"
    parser.add_argument("--out", type=Path, required=True, help=out)
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
    # no frame is made here, but Arrow imports pandas for the first value it is given: a quarter second
    with hidden("pandas"), command("predict", expected=EXIT_CODES, interrupted=f"{given.out} is as it was"):
        params.check(FEATURES)
        counts = run(place_of(given.table), model=given.model, out=given.out, safe_cells=given.safe_cells)
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
        check(counts, given.max_bad_fraction)


def run(table: Place, *, model: Path, out: Path, safe_cells: bool = False, block_bytes: int = BLOCK_BYTES) -> Counts:
    """Predict the table's rows; `out` changes when all is written, or not at all.

    out: a file; or for a folder of tables a new folder, with a file of answers for each.
    safe_cells: no cell of a CSV output may be a formula to a spreadsheet; else the cells are as in the table.
    Raises: ValueError if a path is none to read or write, the bundle is damaged, or the table lacks a feature.
    """
    check_places(table, out)
    bundle, facts = load(model)
    files = {} if table == STREAM else table_files(table)
    counts = Counts(uncalibrated=bundle.intervals.uncalibrated)
    with ExitStack() as stack:
        size = sum(map(size_of, files.values())) or None  # of standard input nobody knows
        progress = stack.enter_context(tqdm(total=size, desc="predict", unit="B", unit_scale=True, disable=None))
        workers = stack.enter_context(start_workers("numpy", "pyarrow", "safetensors"))
        scorer_of = partial(Scorer, model.absolute(), facts)
        for job in stack.enter_context(jobs_of(table, files, out)):
            for found, size in answer(job, scorer_of, workers, safe_cells=safe_cells, block_bytes=block_bytes):
                counts.add(found)
                progress.update(size)
    return counts


def answer(
    job: Job, scorer_of: Callable[..., Scorer], workers: Workers, *, safe_cells: bool, block_bytes: int
) -> Iterator[tuple[Counts, int]]:
    """Write the answers of a job; yields what its header and each of its blocks add to the counts, of so many bytes.

    Raises: ValueError as `read_header`, or if the table is damaged.
    """
    with opened(job) as source:
        header = read_header(source, where=job.where)
        yield Counts(ignored=other_columns(header.names)), 0
        output = FORMATS[job.suffix](header)
        if safe_cells and isinstance(output, CsvOutput):
            output = SafeCsvOutput(header)
        blocks = blocks_of(source, where=job.where, size=block_bytes)
        scorer = scorer_of(header.names, output)
        with output.opened(job.out) as append, closing(workers.map(scorer, blocks)) as results:
            for scored in results:
                append(scored.piece)
                yield scored.counts, scored.size


def read_header(source: BinaryIO, *, where: str) -> Header:
    """The header of a table. Raises: ValueError if a feature is missing, or a column has the name of an answer."""
    header = parse_header(source.readline(LINE_BYTES), FEATURES, where=where)
    if taken := [name for name in ANSWERS.names if name in header.names]:
        raise ValueError(f"{where}: these columns are for the answers, found {', '.join(taken)}; rename them")
    return header


if __name__ == "__main__":
    main()
