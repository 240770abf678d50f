"""Stage 1: the raw table → encoded rows for training, validation and test, the encoder, and the quarantine.

Two passes over blocks, so memory does not grow with the file. The first checks each block against the contract,
sets the clean rows aside and counts the values of the training rows; the second encodes. Both are pure functions
of a block.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from pipeline import params, versions
from pipeline.data import encoding
from pipeline.data.clean import QUARANTINE, ContractReport, clean
from pipeline.data.csv_blocks import BLOCK_BYTES, read_blocks
from pipeline.data.csv_header import read_header
from pipeline.data.csv_rows import parse
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.parquet import RowGroups
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.split import SPLITS, assign, row_hash
from pipeline.runtime.lifetime import end_with_parent
from pipeline.runtime.prefetch import ahead


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the prepared rows")
    parser.add_argument("--metrics", type=Path, required=True, help="JSON file of the row counts")
    parser.add_argument("--report", type=Path, required=True, help="text file, written if rows break the contract")
    arguments = parser.parse_args(argv)
    end_with_parent()
    try:
        versions.check("numpy", "pandas", "pandera", "pyarrow")
        data, settings = params.load(params.Data, "data"), params.load(params.Prepare, "prepare")
        run(Path(data.path), **vars(arguments), settings=settings)
    except (OSError, ValueError) as error:
        sys.exit(f"prepare: {error}")


def run(
    raw: Path, *, out: Path, metrics: Path, report: Path, settings: params.Prepare, block_bytes: int = BLOCK_BYTES
) -> None:
    """Prepare the raw table; nothing is written to `out` before the whole table has passed.

    Raises: ValueError if the file is no table, or more rows than allowed break the contract.
    """
    for folder in (out, metrics.parent, report.parent):
        folder.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".prepare-") as name:
        scratch = Path(name)
        try:
            account, counts = _check(raw, scratch, settings, block_bytes)
            account.check(where=str(raw), allowed=settings.max_bad_fraction)
        except ValueError as error:
            report.write_text(f"{error}\n", encoding="utf-8")
            raise ValueError(f"{error}\nThis report is also in {report}.") from None
        if account.quarantined:
            report.write_text(account.report(where=str(raw), allowed=settings.max_bad_fraction), encoding="utf-8")
        encoder = encoding.fit(counts, min_count=settings.min_count, target=settings.target)
        rows = _encode(scratch, encoder, settings.split)
        (scratch / "encoder.json").write_text(encoder.to_json(), encoding="utf-8")
        (scratch / "spill.arrow").unlink()
        for file in sorted(scratch.iterdir()):
            file.replace(out / file.name)
    metrics.write_text(json.dumps(_row_counts(account, rows), indent=2) + "\n", encoding="utf-8")


def _row_counts(account: ContractReport, rows: Mapping[str, int]) -> dict[str, int]:
    """Rows in = rows out + rows quarantined."""
    return {
        "rows": account.rows,
        "rows_quarantined": account.quarantined,
        **{f"rows_{split}": count for split, count in rows.items()},
        "rows_with_estimated_year": account.estimated_years,
    }


def _check(
    raw: Path, scratch: Path, settings: params.Prepare, block_bytes: int
) -> tuple[ContractReport, dict[str, Counter[Any]]]:
    """Pass 1: clean rows to `spill.arrow`, broken ones to the quarantine; returns the account and the counts to fit."""
    names, offset = read_header(raw)
    account, counts = ContractReport(), {name: Counter[Any]() for name in (*FEATURES, TARGET)}
    with ExitStack() as stack:
        quarantine = stack.enter_context(RowGroups(scratch / "quarantine.parquet", QUARANTINE))
        progress = stack.enter_context(
            tqdm(total=raw.stat().st_size, desc="check", unit="B", unit_scale=True, disable=None)
        )
        spill = None
        blocks = read_blocks(raw, offset=offset, size=block_bytes)
        for parsed in ahead(partial(parse, names=names), blocks):
            cleaned = clean(parsed)
            account.add(cleaned)
            quarantine.write(cleaned.quarantine)
            hashes = row_hash(cleaned.rows, salt=settings.split.salt)
            _count(counts, cleaned.rows, np.flatnonzero(_sides(hashes, settings.split) == SPLITS.index("train")))
            rows = cleaned.rows.select([*FEATURES, TARGET]).append_column("row_hash", pa.array(hashes))
            spill = spill or stack.enter_context(pa.ipc.new_stream(scratch / "spill.arrow", rows.schema))
            spill.write_batch(rows)
            progress.update(len(parsed.block.text))
    return account, counts


def _sides(hashes: np.ndarray, split: params.Split) -> np.ndarray:
    return assign(hashes, valid_fraction=split.valid_fraction, test_fraction=split.test_fraction)


def _count(counts: dict[str, Counter[Any]], rows: pa.RecordBatch, chosen: np.ndarray) -> None:
    """Add how often each value stands in the chosen rows."""
    for name in FEATURES:
        values = rows[name].dictionary.to_pylist()
        times = np.bincount(rows[name].indices.to_numpy()[chosen], minlength=len(values))
        for place in np.flatnonzero(times).tolist():
            counts[name][values[place]] += int(times[place])
    dollars, times = np.unique(rows[TARGET].to_numpy()[chosen], return_counts=True)
    for value, count in zip(dollars.tolist(), times.tolist(), strict=True):
        counts[TARGET][value] += count


def _encode(scratch: Path, encoder: Encoder, split: params.Split) -> dict[str, int]:
    """Pass 2: the clean rows, encoded, to one Parquet file per split; returns the rows of each."""
    with ExitStack() as stack:
        writers = [stack.enter_context(RowGroups(scratch / f"{name}.parquet", ROWS)) for name in SPLITS]
        spill = stack.enter_context(pa.OSFile(str(scratch / "spill.arrow")))
        background = stack.enter_context(ThreadPoolExecutor(1))  # writes one block while the next is encoded
        written: Future[None] | None = None
        for rows in tqdm(pa.ipc.open_stream(spill), desc="encode", unit="block", disable=None):
            hashes = rows["row_hash"].to_numpy()
            columns = encoder.encode(rows) | encoder.encode_target(rows) | {"row_hash": hashes}
            if written:
                written.result()
            written = background.submit(_write, writers, columns, _sides(hashes, split))
        if written:
            written.result()
    return {name: writer.rows for name, writer in zip(SPLITS, writers, strict=True)}


def _write(writers: Sequence[RowGroups], columns: Mapping[str, np.ndarray], sides: np.ndarray) -> None:
    """Each row to the writer of its side. Shape: columns and sides (rows,)."""
    for side, writer in enumerate(writers):
        chosen = np.flatnonzero(sides == side)
        writer.write(pa.table({name: columns[name][chosen] for name in ROWS.names}, schema=ROWS))


if __name__ == "__main__":
    main()
