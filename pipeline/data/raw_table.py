"""The one way of a raw table: read, parsed, checked, cleaned, counted, block by block; or all of it in memory."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.clean import Cleaned, clean_part
from pipeline.data.contract_report import ContractReport
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.data.csv_header import other_columns
from pipeline.data.parts import plan
from pipeline.data.schema import TARGET
from pipeline.data.split import SPLITS, assign, row_hash
from pipeline.data.table_files import table_files


@dataclass(frozen=True)
class Table:
    """The clean rows of a raw table and what became of the others.

    Shape: rows (rows,), amounts as numbers and all other columns as dictionaries; hashes (rows,) uint64, rows that are
    equal in features and target have the same; splits (rows,), positions in `SPLITS`.
    """

    rows: pa.RecordBatch
    hashes: np.ndarray
    splits: np.ndarray
    contract_report: ContractReport

    @property
    def target(self) -> np.ndarray:
        """The target, in its unit. Shape: (rows,) float64."""
        target: np.ndarray = self.rows[TARGET].to_numpy().astype(np.float64)
        return target

    def positions(self, split: str) -> np.ndarray:
        """Where the rows of a split stand. Shape: (rows of the split,)."""
        return np.flatnonzero(self.splits == SPLITS.index(split))


def clean_blocks(
    raw: Path, *, report: ContractReport, max_bad_fraction: float, block_bytes: int = BLOCK_BYTES
) -> Iterator[Cleaned]:
    """The blocks of a raw table, cleaned; each is added to the report before it comes out.

    Raises: ValueError if the file is no table, and behind the last block if more rows than allowed break the contract.
    """
    files = plan(table_files(raw), part_bytes=sys.maxsize)

    def blocks() -> Iterator[Cleaned]:
        for file in files:
            report.add(ContractReport(ignored=other_columns(file.columns)))
            for block in clean_part(file, block_bytes=block_bytes, threads=2):
                report.add(block.report, file=file.file)
                yield block
        report.check(where=str(raw), allowed=max_bad_fraction)

    return blocks()


def read_table(
    raw: Path, *, settings: params.Prepare, max_bytes: int | None = None, block_bytes: int = BLOCK_BYTES
) -> Table:
    """Read a whole raw table, with the hashes and splits that the prepare stage gives its rows.

    max_bytes: of its text, unpacked; any number if None.
    Raises: ValueError if the file is no table, its text is longer, or more rows than allowed break the contract.
    """
    report = ContractReport()
    blocks = clean_blocks(raw, report=report, max_bad_fraction=settings.max_bad_fraction, block_bytes=block_bytes)
    table = pa.Table.from_batches([block.rows for block in _at_most(max_bytes, blocks, where=str(raw))])
    (rows,) = table.unify_dictionaries().combine_chunks().to_batches()
    hashes = row_hash(rows, salt=settings.split.salt)
    return Table(rows, hashes, assign(hashes, settings.split), report)


def _at_most(max_bytes: int | None, blocks: Iterator[Cleaned], *, where: str) -> Iterator[Cleaned]:
    """The blocks, as long as their texts together have no more bytes."""
    size = 0
    for block in blocks:
        size += block.size
        if max_bytes is not None and size > max_bytes:
            rule = f"the table's text must have at most nightly.max_bytes, {max_bytes:,} bytes, once it is unpacked"
            raise ValueError(f"{where}: {rule}, found more; raise it in params.yaml if the table may be so large")
        yield block


def new_rows(before: Table, after: Table) -> np.ndarray:
    """The positions of the later table's rows that the earlier has not, or not so many times.

    Rows have no identity: of equal ones the last count as new. Shape: (new rows,), ascending.
    """
    order = np.argsort(after.hashes, kind="stable")  # (later rows,) positions, equal rows side by side
    later, earlier = after.hashes[order], np.sort(before.hashes)
    nth = np.arange(len(later)) - np.searchsorted(later, later)  # (later rows,) how many equal rows stand before it
    times = np.searchsorted(earlier, later, "right") - np.searchsorted(earlier, later)  # how often the earlier has it
    new: np.ndarray = np.sort(order[nth >= times])
    return new
