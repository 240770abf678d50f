"""Stage 1: the raw table → encoded rows for training, validation and test, the encoder, and the quarantine.

Two passes over parts, so memory does not grow with the table. The first checks each part against the contract, keeps
its clean rows in scratch files and counts the values of the training rows. The encoder is fitted on these counts, once
pandera has confirmed their values; the second pass encodes the clean rows. Both are pure functions of a part, over
threads here or workers elsewhere.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pyarrow as pa

from pipeline import params, versions
from pipeline.data import contract, encoding
from pipeline.data.contract_report import ContractReport
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.data.encoding import ROWS
from pipeline.data.parquet import RowGroups
from pipeline.data.part_check import Broken, Checked, check_part, check_parts, quarantine_schema
from pipeline.data.parts import PART_BYTES, Part, plan
from pipeline.data.remote import Place, place_of
from pipeline.data.schema import ESTIMATED_ROWS, ESTIMATED_VALUES, FEATURES, HASH
from pipeline.data.spills import Spill, encode_part, scratch_folder
from pipeline.data.split import SPLITS
from pipeline.data.table_files import check_unchanged, table_files
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import WAY_BACK, command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.lifetime import end_with_parent
from pipeline.runtime.progress import progress
from pipeline.runtime.workers import Threads, Workers, start_workers


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = command_parser("prepare", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the prepared rows")
    parser.add_argument("--metrics", type=Path, required=True, help="JSON file of the row counts")
    parser.add_argument("--report", type=Path, required=True, help="text file, written if rows or columns are left out")
    arguments = parser.parse_args(argv)
    end_with_parent()
    with command("prepare", advice=WAY_BACK):
        params.check(FEATURES)
        packages = versions.check("numpy", "pandas", "pandera", "pyarrow")
        raw, settings = place_of(params.load(params.Data, "data").path), params.load(params.Prepare, "prepare")
        outputs = {"out": arguments.out, "metrics": arguments.metrics, "report": arguments.report}
        with start_workers(*packages) as found:
            run(raw, **outputs, settings=settings, workers=found)


def run(
    raw: Place,
    *,
    out: Path,
    metrics: Path,
    report: Path,
    settings: params.Prepare,
    workers: Workers | None = None,
    part_bytes: int = PART_BYTES,
    block_bytes: int = BLOCK_BYTES,
) -> None:
    """Prepare the raw table; nothing in `out` is replaced before the whole table has passed.

    workers: who checks and encodes; threads if None.
    Raises: ValueError if the path is no table, if it changes meanwhile, or more rows than allowed break the contract.
    """
    workers = workers or Threads()
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    with drafts() as draft_of, scratch_folder(draft_of(out / "parts", scratch=True)) as scratch:
        checked = partial(check_part, settings=settings, scratch=scratch, block_bytes=block_bytes)
        try:
            files = table_files(raw)
            table = check(raw, plan(files, part_bytes=part_bytes), checked, workers, allowed=settings.max_bad_fraction)
        except ValueError as error:
            report.write_text(f"{error}\n", encoding="utf-8")
            raise ValueError(f"{error}\nThis report is also in {report}.") from None
        if table.report.quarantined or table.report.ignored:
            report.write_text(table.report.text(where=str(raw), allowed=settings.max_bad_fraction), encoding="utf-8")
        contract.confirm(table.counts)
        encoder = encoding.fit(table.counts, min_count=settings.min_count, target=settings.target)
        draft_of(out / "encoder.json").write_text(encoder.to_json(), encoding="utf-8")
        write_quarantine(draft_of(out / "quarantine.parquet"), table.broken, again=checked)
        splits = [draft_of(out / f"{name}.parquet") for name in SPLITS]
        encoded = partial(encode_part, encoder=encoder, split=settings.split, again=checked)
        rows = row_counts(table.report, encode(table.clean, splits, encoded, workers))
        check_unchanged(raw, files)
        draft_of(metrics).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def check(raw: Place, parts: Sequence[Part], checked: partial[Checked], workers: Workers, *, allowed: float) -> Checked:
    """First pass: broken records and clean rows, each to spills; and how often each value is trained on.

    Raises: ValueError as `run`.
    """
    if len(parts) > 1:
        parts = [part.anywhere() for part in parts]
    # A single part, perhaps of gzip and long, is checked in this thread, which ctrl-C ends at once.
    done = workers.map(checked, parts) if len(parts) > 1 else (checked(part, threads=2) for part in parts)
    with closing(done):
        results = progress(done, "check", total=len(parts), unit="part", rows=lambda part: part.report.rows)
        table = check_parts(parts, results, again=checked)
    table.report.check(where=str(raw), allowed=allowed)
    if not table.in_split.all():
        raise ValueError(_too_few_rows(table, where=raw, again=checked))
    return table


def _too_few_rows(table: Checked, *, where: Place, again: Callable[[Part], object]) -> str:
    """What to say of clean rows that leave a split without any: mostly that they are too few different ones."""
    different = len(set().union(*(spill.rows(again=again)[HASH].to_pylist() for spill in table.clean)))
    found = ", ".join(f"{rows} for {split}" for split, rows in zip(SPLITS, table.in_split, strict=True))
    return (
        f"{where}: prepare.split must leave rows for each of {', '.join(SPLITS)}; found {found} (different rows:"
        f" {different} of {table.in_split.sum()}); equal rows are always in one split: bring more different rows"
    )


def write_quarantine(file: Path, broken: Sequence[Broken], *, again: Callable[[Part], object]) -> None:
    """The broken records to one Parquet file; where they are of a table of several files, each has its file's name."""
    with RowGroups(file, quarantine_schema(broken)) as writer:
        for each in broken:
            writer.write(each.rows(again=again))


def encode(
    spills: Sequence[Spill], files: Sequence[Path], encoded: Callable[[Spill], list[pa.Table]], workers: Workers
) -> dict[str, int]:
    """Second pass: the clean rows, encoded, to one Parquet file per split; returns the rows of each."""
    with ExitStack() as stack:
        writers = [stack.enter_context(RowGroups(file, ROWS)) for file in files]
        results = stack.enter_context(closing(workers.map(encoded, spills)))
        for tables in progress(
            results, "encode", total=len(spills), unit="block", rows=lambda each: sum(map(len, each))
        ):
            for writer, table in zip(writers, tables, strict=True):
                writer.write(table)
    return {name: writer.rows for name, writer in zip(SPLITS, writers, strict=True)}


def row_counts(contract: ContractReport, rows: Mapping[str, int]) -> dict[str, int]:
    """Rows in = rows out + rows quarantined; what is odd about those that are out; columns that are not read."""
    numbers = {"rows": contract.rows, "rows_quarantined": contract.quarantined}
    numbers |= {f"rows_{split}": number for split, number in rows.items()}
    numbers |= {"columns_ignored": len(contract.ignored)}
    numbers |= {ESTIMATED_ROWS: contract.estimated_rows} if ESTIMATED_VALUES else {}
    return numbers | {"rows_with_zero_fraction": contract.decimal_rows}


if __name__ == "__main__":
    main()
