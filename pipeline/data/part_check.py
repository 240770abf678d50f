"""The first pass over the parts of a raw table: rows are checked, split and counted; what the second needs is kept.

A part may be checked in any thread, process or machine that sees the table and the scratch folder, and more than once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import params
from pipeline.data.clean import QUARANTINE, clean_part
from pipeline.data.contract_report import ContractReport
from pipeline.data.csv_blocks import BLOCK_BYTES
from pipeline.data.csv_header import other_columns
from pipeline.data.parts import Part
from pipeline.data.remote import Place
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.spills import Spill, hashed, write_spill
from pipeline.data.split import SPLITS, assign, row_hash
from pipeline.runtime.wanted import check_wanted

TARGETS_AT_ONCE = 1 << 20  # rows


@dataclass(frozen=True)
class Broken:
    """A spill of records that break the contract; what their line numbers lack, and the name of their file, if any."""

    spill: Spill
    lines_before: int = 0
    file: str = ""

    def rows(self, *, again: Callable[[Part], object]) -> pa.Table:
        """The records, as `quarantine_schema` has them, with the numbers of their lines in the file.

        again: checks a part, as `Spill.rows` says.
        """
        rows = self.spill.rows(again=again)
        columns = [pc.add(rows["line"], self.lines_before), rows["reasons"], rows["text"]]
        if self.file:
            columns.insert(0, pa.repeat(self.file, rows.num_rows))
        return pa.Table.from_arrays(columns, schema=quarantine_schema([self]))


def quarantine_schema(broken: Sequence[Broken]) -> pa.Schema:
    """The columns of the quarantine: the file is one only if the broken records are of a table of several files."""
    has_files = any(each.file for each in broken)
    return QUARANTINE.insert(0, pa.field("file", pa.string())) if has_files else QUARANTINE


@dataclass
class Checked:
    """What became of some parts: how often each value stands in training rows, rows by split, spills in their order.

    `lines` and `size`, in bytes, are those of the text that was read.
    Shape: in_split (splits,).
    """

    report: ContractReport
    counts: dict[str, Counter[Any]] = field(default_factory=lambda: {name: Counter() for name in (*FEATURES, TARGET)})
    in_split: np.ndarray = field(default_factory=lambda: np.zeros(len(SPLITS), np.int64))
    clean: list[Spill] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    lines: int = 0
    size: int = 0

    def add(self, part: "Checked", *, lines_before: int, file: str) -> None:
        """Add what became of one more part, which must follow the ones before it."""
        self.report.add(part.report, lines_before=lines_before, file=file)
        for name, counter in part.counts.items():
            self.counts[name].update(counter)
        self.in_split += part.in_split
        self.clean += part.clean
        self.broken += [replace(broken, lines_before=lines_before, file=file) for broken in part.broken]
        self.lines, self.size = self.lines + part.lines, self.size + part.size


def check_part(
    part: Part, settings: params.Prepare, scratch: Place, *, threads: int = 0, block_bytes: int = BLOCK_BYTES
) -> Checked:
    """Check a part, and write its spills to the scratch folder. Its lines have numbers as if a header stood before it.

    threads: that parse blocks ahead, where no other part is checked at the same time.
    Raises: ValueError if the file is damaged or a line is too long; NotWantedError as `check_wanted`.
    """
    checked = Checked(ContractReport(ignored=other_columns(part.columns)))
    targets: list[np.ndarray] = []  # (rows,) each, of blocks whose targets are not counted yet
    for number, block in enumerate(clean_part(part, block_bytes=block_bytes, threads=threads)):
        check_wanted()
        checked.report.add(block.report)
        checked.lines, checked.size = checked.lines + block.lines, checked.size + block.size
        spill = f"{part.number}-{part.start}-{number}"  # a part that is checked again from elsewhere has others
        if block.quarantine.num_rows:
            broken = write_spill(scratch / f"{spill}.broken", block.quarantine)
            checked.broken.append(Broken(Spill(broken, part.anywhere())))
        hashes = row_hash(block.rows, salt=settings.split.salt)
        splits = assign(hashes, settings.split)
        checked.in_split += np.bincount(splits, minlength=len(SPLITS))
        in_train = np.flatnonzero(splits == SPLITS.index("train"))
        count_features(block.rows, in_train, counts=checked.counts)
        targets.append(block.rows[TARGET].to_numpy()[in_train])
        if sum(map(len, targets)) >= TARGETS_AT_ONCE:
            count_targets(targets, counts=checked.counts)
            targets.clear()
        clean = write_spill(scratch / f"{spill}.arrow", hashed(block.rows, hashes))
        checked.clean.append(Spill(clean, part.anywhere()))
    count_targets(targets, counts=checked.counts)
    return checked


def check_parts(parts: Sequence[Part], results: Iterable[Checked], *, again: Callable[[Part], Checked]) -> Checked:
    """What became of all parts, from the results of each; one that does not start with a record is checked again."""
    table, path, end, lines = Checked(ContractReport()), None, 0, 0
    for part, checked in zip(parts, results, strict=True):
        if part.path != path:
            path, end, lines = part.path, part.start, 0
        if part.start != end:
            checked = again(replace(part, start=end))
        table.add(checked, lines_before=lines, file=part.file)
        end, lines = end + checked.size, lines + checked.lines
    return table


def count_features(rows: pa.RecordBatch, chosen: np.ndarray, *, counts: Mapping[str, Counter[Any]]) -> None:
    """Add to the counts how often each feature's values stand in the chosen rows. Shape: chosen, positions of rows."""
    for name in FEATURES:
        values = rows[name].dictionary.to_pylist()
        times = np.bincount(rows[name].indices.to_numpy()[chosen], minlength=len(values))  # (distinct values,)
        for value, number in zip(values, times.tolist(), strict=True):  # 2021 twice, if a row says 2021e
            counts[name][value] += number


def count_targets(targets: Sequence[np.ndarray], *, counts: Mapping[str, Counter[Any]]) -> None:
    """Add to the counts how often each target stands in the arrays.

    They hardly repeat in a block, and a Counter holds Python's lock: so it is given the different ones of many blocks.
    """
    if targets:
        values, times = np.unique(np.concatenate(targets), return_counts=True)
        counts[TARGET].update(dict(zip(values.tolist(), times.tolist(), strict=True)))
