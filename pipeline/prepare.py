"""Stage 1: the raw table → encoded rows for training, validation and test, the encoder, and the quarantine.

Two passes over blocks, so memory does not grow with the file. The first checks each block against the contract, keeps
its clean rows in a draft file and counts the values of the training rows; the encoder is fitted on these counts; the
second pass encodes the clean rows.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from pipeline import params, versions
from pipeline.data import encoding
from pipeline.data.clean import CLEAN, QUARANTINE
from pipeline.data.contract_report import ContractReport
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.parquet import RowGroups
from pipeline.data.raw_table import clean_blocks
from pipeline.data.schema import ESTIMATED_ROWS, ESTIMATED_VALUES, FEATURES, HASH, TARGET
from pipeline.data.split import SPLITS, assign, row_hash
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import WAY_BACK, command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.lifetime import end_with_parent
from pipeline.runtime.prefetch import prefetched

HASHED = pa.schema([CLEAN.field(name) for name in (*FEATURES, TARGET)] + [(HASH, pa.uint64())])
"""What the first pass keeps of a clean row for the second."""


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
        versions.check("numpy", "pandas", "pandera", "pyarrow")
        data, settings = params.load(params.Data, "data"), params.load(params.Prepare, "prepare")
        run(Path(data.path), out=arguments.out, metrics=arguments.metrics, report=arguments.report, settings=settings)


def run(
    raw: Path, *, out: Path, metrics: Path, report: Path, settings: params.Prepare, block_bytes: int = BLOCK_BYTES
) -> None:
    """Prepare the raw table; nothing in `out` is replaced before the whole table has passed.

    Raises: ValueError if the file is no table, or more rows than allowed break the contract.
    """
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    with drafts() as draft_of:
        quarantine, clean_rows = draft_of(out / "quarantine.parquet"), draft_of(out / "clean.arrow", scratch=True)
        try:
            contract, counts = check(raw, quarantine, clean_rows, settings=settings, block_bytes=block_bytes)
        except ValueError as error:
            report.write_text(f"{error}\n", encoding="utf-8")
            raise ValueError(f"{error}\nThis report is also in {report}.") from None
        if contract.quarantined or contract.ignored:
            report.write_text(contract.text(where=str(raw), allowed=settings.max_bad_fraction), encoding="utf-8")
        encoder = encoding.fit(counts, min_count=settings.min_count, target=settings.target)
        draft_of(out / "encoder.json").write_text(encoder.to_json(), encoding="utf-8")
        splits = [draft_of(out / f"{name}.parquet") for name in SPLITS]
        rows = row_counts(contract, encode(clean_rows, splits, encoder, split=settings.split))
        draft_of(metrics).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def check(
    raw: Path, quarantine_file: Path, clean_file: Path, *, settings: params.Prepare, block_bytes: int
) -> tuple[ContractReport, dict[str, Counter[Any]]]:
    """First pass: broken lines and clean rows, each to a file; and how often each value is trained on.

    Raises: ValueError as `run`.
    """
    contract, counts = ContractReport(), {name: Counter[Any]() for name in (*FEATURES, TARGET)}
    in_split = np.zeros(len(SPLITS), np.int64)  # rows of each
    blocks = clean_blocks(raw, report=contract, max_bad_fraction=settings.max_bad_fraction, block_bytes=block_bytes)
    with ExitStack() as stack:
        quarantine = stack.enter_context(RowGroups(quarantine_file, QUARANTINE))
        clean_rows = stack.enter_context(pa.ipc.new_stream(clean_file, HASHED))
        size = raw.stat().st_size
        progress = stack.enter_context(tqdm(total=size, desc="check", unit="B", unit_scale=True, disable=None))
        for block in blocks:
            quarantine.write(block.quarantine)
            hashes = row_hash(block.rows, salt=settings.split.salt)
            splits = assign(hashes, settings.split)
            in_split += np.bincount(splits, minlength=len(SPLITS))
            count(block.rows, np.flatnonzero(splits == SPLITS.index("train")), counts=counts)
            clean_rows.write_batch(block.rows.select([*FEATURES, TARGET]).append_column(HASH, pa.array(hashes)))
            progress.update(block.size)
    if not in_split.all():
        raise ValueError(_too_few_rows(clean_file, in_split.tolist(), where=raw))
    return contract, counts


def _too_few_rows(clean_file: Path, in_split: Sequence[int], *, where: Path) -> str:
    """What to say of clean rows that leave a split without any: mostly that they are too few different ones."""
    with pa.ipc.open_stream(clean_file) as clean_rows:
        different = len(set().union(*(rows[HASH].to_pylist() for rows in clean_rows)))
    found = ", ".join(f"{rows} for {split}" for split, rows in zip(SPLITS, in_split, strict=True))
    return (
        f"{where}: prepare.split must leave rows for each of {', '.join(SPLITS)}; found {found} (different rows:"
        f" {different} of {sum(in_split)}); equal rows are always in one split: bring more different rows"
    )


def count(rows: pa.RecordBatch, chosen: np.ndarray, *, counts: Mapping[str, Counter[Any]]) -> None:
    """Add to the counts how often each value stands in the chosen rows. Shape: chosen, positions of rows."""
    for name in FEATURES:
        values = rows[name].dictionary.to_pylist()
        times = np.bincount(rows[name].indices.to_numpy()[chosen], minlength=len(values))  # (distinct values,)
        for value, number in zip(values, times.tolist(), strict=True):  # 2021 twice, if a row says 2021e
            counts[name][value] += number
    targets, times = np.unique(rows[TARGET].to_numpy()[chosen], return_counts=True)  # (distinct targets,) each
    for target, number in zip(targets.tolist(), times.tolist(), strict=True):
        counts[TARGET][target] += number


def encode(clean_file: Path, files: Sequence[Path], encoder: Encoder, *, split: params.Split) -> dict[str, int]:
    """Second pass: the clean rows, encoded, to one Parquet file per split; returns the rows of each."""
    with ExitStack() as stack:
        writers = [stack.enter_context(RowGroups(file, ROWS)) for file in files]
        clean_rows = pa.ipc.open_stream(stack.enter_context(pa.OSFile(str(clean_file))))
        encoded = (
            encoder.encode(rows) | encoder.encode_target(rows) | {HASH: rows[HASH].to_numpy()}
            for rows in tqdm(clean_rows, "encode", unit="block", disable=None)
        )
        for _ in prefetched(partial(write, writers, split), encoded, threads=1):
            pass  # a block is written while the next one is encoded
    return {name: writer.rows for name, writer in zip(SPLITS, writers, strict=True)}


def write(writers: Sequence[RowGroups], split: params.Split, columns: Mapping[str, np.ndarray]) -> None:
    """Each row to the writer of its split. Shape: one writer per split; each column (rows,), named as in `ROWS`."""
    splits = assign(columns[HASH], split)
    for position, writer in enumerate(writers):
        chosen = np.flatnonzero(splits == position)
        writer.write(pa.table({name: columns[name][chosen] for name in ROWS.names}, schema=ROWS))


def row_counts(contract: ContractReport, rows: Mapping[str, int]) -> dict[str, int]:
    """Rows in = rows out + rows quarantined; what is odd about those that are out; columns that are not read."""
    numbers = {"rows": contract.rows, "rows_quarantined": contract.quarantined}
    numbers |= {f"rows_{split}": number for split, number in rows.items()}
    numbers |= {"columns_ignored": len(contract.ignored)}
    numbers |= {ESTIMATED_ROWS: contract.estimated_rows} if ESTIMATED_VALUES else {}
    return numbers | {"rows_with_zero_fraction": contract.decimal_rows}


if __name__ == "__main__":
    main()
