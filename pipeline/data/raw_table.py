"""A raw table as nights compare it: its clean rows, in memory, and where each belongs."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.clean import ContractReport, clean
from pipeline.data.csv_blocks import BLOCK_BYTES, read_blocks
from pipeline.data.csv_header import read_header
from pipeline.data.csv_rows import parse
from pipeline.data.schema import TARGET
from pipeline.data.split import SPLITS, assign, row_hash
from pipeline.runtime.prefetch import ahead


@dataclass(frozen=True)
class Table:
    """The clean rows of a raw table and what became of the others.

    Shape: rows (rows,), amounts as numbers and all other columns as dictionaries; hashes (rows,) uint64, rows that are
    equal in features and target have the same; sides (rows,), positions in `SPLITS`.
    """

    rows: pa.RecordBatch
    hashes: np.ndarray
    sides: np.ndarray
    contract_report: ContractReport

    @property
    def dollars(self) -> np.ndarray:
        """The target, in US dollars. Shape: (rows,)."""
        dollars: np.ndarray = self.rows[TARGET].to_numpy().astype(np.float64)
        return dollars

    def on(self, side: str) -> np.ndarray:
        """The positions of the rows of a split. Shape: (rows of the split,)."""
        return np.flatnonzero(self.sides == SPLITS.index(side))


def read_table(raw: Path, *, settings: params.Prepare, block_bytes: int = BLOCK_BYTES) -> Table:
    """Read a raw table that keeps the contract, as the prepare stage does.

    Raises: ValueError if the file is no table, or more rows than allowed break the contract.
    """
    names, offset = read_header(raw)
    account, batches = ContractReport(), []
    for parsed in ahead(partial(parse, names=names), read_blocks(raw, offset=offset, size=block_bytes)):
        cleaned = clean(parsed)
        account.add(cleaned)
        batches.append(cleaned.rows)
    account.check(where=str(raw), allowed=settings.max_bad_fraction)
    (rows,) = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()
    hashes, split = row_hash(rows, salt=settings.split.salt), settings.split
    sides = assign(hashes, valid_fraction=split.valid_fraction, test_fraction=split.test_fraction)
    return Table(rows, hashes, sides, account)


def new_rows(before: Table, after: Table) -> np.ndarray:
    """The positions of the later table's rows that the earlier has not, or not so many times.

    Rows have no identity: of equal ones the last count as new. Shape: (new rows,), ascending.
    """
    order = np.argsort(after.hashes, kind="stable")
    ordered, known = after.hashes[order], np.sort(before.hashes)
    nth = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)  # among its equals, from 0
    times = np.searchsorted(known, ordered, "right") - np.searchsorted(known, ordered)
    found: np.ndarray = np.sort(order[nth >= times])
    return found
