"""Raw rows → rows that keep the contract, and a full account of those that do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import Parsed, split_lines, text_of
from pipeline.data.schema import AMOUNTS, COLUMNS, ESTIMATED_YEAR, requirement
from pipeline.data.validate import Verdict, judge

EXAMPLES = 3
QUARANTINE = pa.schema([("line", pa.int64()), ("reasons", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Violation:
    """One rule that some rows of a block break: the rule in words, how many, the first lines and their values."""

    rule: str
    rows: int
    examples: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Cleaned:
    """What became of a block: rows in = rows + quarantine.

    Shape: rows (rows kept,), amounts as plain numbers and all other columns as dictionaries of typed values.
    """

    rows: pa.RecordBatch
    quarantine: pa.Table
    violations: tuple[Violation, ...]
    estimated_years: int


@dataclass
class ContractReport:
    """The sum of all blocks' violations, in order of first appearance."""

    rows: int = 0
    quarantined: int = 0
    estimated_years: int = 0
    violations: dict[str, Violation] = field(default_factory=dict)

    def add(self, cleaned: Cleaned) -> None:
        """Count one more block, which must follow the ones before it."""
        self.rows += cleaned.rows.num_rows + cleaned.quarantine.num_rows
        self.quarantined += cleaned.quarantine.num_rows
        self.estimated_years += cleaned.estimated_years
        for new in cleaned.violations:
            old = self.violations.get(new.rule, Violation(new.rule, 0, ()))
            examples = (old.examples + new.examples)[:EXAMPLES]
            self.violations[new.rule] = Violation(new.rule, old.rows + new.rows, examples)

    @property
    def bad_fraction(self) -> float:
        """The share of rows that break the contract, between 0 and 1."""
        return self.quarantined / max(self.rows, 1)

    def check(self, *, where: str, allowed: float) -> None:
        """Raise ValueError if there is no row, or if more rows than allowed break the contract."""
        if not self.rows:
            raise ValueError(f"{where}: the table must have at least one row, found only the header")
        if self.bad_fraction > allowed:
            advice = "Mend these lines, or raise prepare.max_bad_fraction to let them go to quarantine."
            raise ValueError(self.report(where=where, allowed=allowed) + advice)

    def report(self, *, where: str, allowed: float) -> str:
        """Each broken rule with its count and its first examples."""
        lines = [
            f"{where}: {self.quarantined} of {self.rows} rows break the data contract"
            f" ({self.bad_fraction:.4%}; prepare.max_bad_fraction allows {allowed:.4%})"
        ]
        for violation in self.violations.values():
            lines.append(f"\n  {violation.rule}: {violation.rows} of {self.rows} rows")
            lines += [f"    line {line}: found {value}" for line, value in violation.examples]
        return "\n".join(lines) + "\n"


def clean(parsed: Parsed) -> Cleaned:
    """Check the block against the contract and normalise it; rows that break it go to quarantine with their reasons."""
    verdict = judge(parsed, COLUMNS)
    kept = verdict.reasons[parsed.places] == 0
    return Cleaned(
        rows=_kept_rows(parsed.rows, verdict.typed, kept),
        quarantine=_quarantine(verdict, parsed.block),
        violations=tuple(_violations(verdict, parsed)),
        estimated_years=_estimated_years(parsed.rows["work_year"], kept),
    )


def _violations(verdict: Verdict, parsed: Parsed) -> Iterator[Violation]:
    """Each broken rule with its first lines: the whole line that is no row, else the value."""
    for rule, places in verdict.bad_lines.items():
        lines = split_lines(parsed.block.text)
        yield _violation(rule, places, parsed, [text_of(lines[place]) for place in places[:EXAMPLES]])
    for name, places in verdict.bad_values.items():
        rows = np.searchsorted(parsed.places, places[:EXAMPLES])
        yield _violation(requirement(name), places, parsed, parsed.rows[name].take(pa.array(rows)).to_pylist())


def _violation(rule: str, places: np.ndarray, parsed: Parsed, found: Sequence[str]) -> Violation:
    lines = (places[:EXAMPLES] + parsed.block.first_line).tolist()
    return Violation(rule, len(places), tuple(zip(lines, map(_shown, found), strict=True)))


def _kept_rows(columns: pa.RecordBatch, typed: dict[str, pa.Array], kept: np.ndarray) -> pa.RecordBatch:
    """The kept rows in the contract's types; no dictionary keeps a broken value."""
    rows = {}
    for name in COLUMNS:
        if name in AMOUNTS:
            rows[name] = typed[name].filter(pa.array(kept))
            continue
        rows[name] = pa.DictionaryArray.from_arrays(columns[name].indices, typed[name], safe=False)
        if not kept.all():
            rows[name] = rows[name].filter(pa.array(kept)).dictionary_decode().dictionary_encode()
    return pa.record_batch(rows)


def _estimated_years(column: pa.DictionaryArray, kept: np.ndarray) -> int:
    marked = pc.match_substring_regex(column.dictionary, ESTIMATED_YEAR).to_numpy(zero_copy_only=False)
    return int(marked[column.indices.to_numpy()][kept].sum())


def _quarantine(verdict: Verdict, block: Block) -> pa.Table:
    """The broken lines as they stand in the file, in its order, each with the rules it breaks."""
    places = np.flatnonzero(verdict.reasons)
    lines = split_lines(block.text) if len(places) else []
    sets, which = np.unique(verdict.reasons[places], return_inverse=True)
    columns = [
        pa.array(places + block.first_line),
        pa.array([verdict.text(reasons) for reasons in sets.tolist()], pa.string()).take(pa.array(which)),
        pa.array([text_of(lines[place]) for place in places.tolist()], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=QUARANTINE)


def _shown(value: str, *, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
