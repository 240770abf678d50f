"""Raw rows → rows that keep the contract, and a full account of those that do not.

The contract is asked once per distinct value of a block, not once per row, at a tenth of the cost; amounts, which
hardly repeat, are compared as whole columns of numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.parse import PROBLEMS, Parsed, split_lines
from pipeline.read import Block
from pipeline.schema import AMOUNTS, ESTIMATED_YEAR, FEATURES, NUMBERS, RULES, TARGET, WHOLE_NUMBER, requirement

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

    Shape: rows (rows kept,), the features as dictionaries of typed values and the target as plain numbers.
    """

    rows: pa.RecordBatch
    quarantine: pa.Table
    violations: tuple[Violation, ...]
    estimated_years: int


@dataclass
class Account:
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


def clean(parsed: Parsed, block: Block) -> Cleaned:
    """Check the block against the contract and normalise it; rows that break it go to quarantine with their reasons."""
    columns = dict(zip(parsed.rows.schema.names, parsed.rows.columns, strict=True))
    typed = {name: _typed(name, _values(column)) for name, column in columns.items()}
    broken = _broken_lines(parsed)
    violations = [_line_violation(rule, places, block) for rule, places in broken.items()]
    for name, positions in _failures(typed):
        rows = positions if name in AMOUNTS else np.flatnonzero(np.isin(columns[name].indices.to_numpy(), positions))
        broken[requirement(name)] = parsed.lines[rows] - block.first_line
        values = columns[name].take(pa.array(rows[:EXAMPLES])).to_pylist()
        examples = zip(parsed.lines[rows[:EXAMPLES]].tolist(), map(_shown, values), strict=True)
        violations.append(Violation(requirement(name), len(rows), tuple(examples)))
    reasons = np.zeros(len(parsed.problems), np.int64)  # one bit per broken rule
    for bit, places in enumerate(broken.values()):
        reasons[places] |= 1 << bit
    kept = reasons[parsed.lines - block.first_line] == 0
    return Cleaned(
        rows=_kept_rows(columns, typed, kept),
        quarantine=_quarantine(reasons, list(broken), block),
        violations=tuple(violations),
        estimated_years=_estimated_years(columns["work_year"], kept),
    )


def _broken_lines(parsed: Parsed) -> dict[str, np.ndarray]:
    """The places of the lines that are no rows, by rule."""
    return {
        f"a line must be one row of comma-separated UTF-8 text ({PROBLEMS[code]})": np.flatnonzero(
            parsed.problems == code
        )
        for code in np.unique(parsed.problems[parsed.problems > 0]).tolist()
    }


def _line_violation(rule: str, places: np.ndarray, block: Block) -> Violation:
    lines = split_lines(block.text)
    examples = [(block.first_line + place, _shown(_text(lines[place]))) for place in places[:EXAMPLES].tolist()]
    return Violation(rule, len(places), tuple(examples))


def _values(column: pa.Array) -> pa.Array:
    """The distinct values of a dictionary, or the plain column."""
    return column.dictionary if isinstance(column, pa.DictionaryArray) else column


def _typed(name: str, values: pa.Array) -> pa.Array:
    """The texts of a column in the contract's type; a text that is no whole number becomes null.

    >>> _typed("work_year", pa.array(["2021e", "2022", "20e2"])).to_pylist()
    [2021, 2022, None]
    """
    if name not in NUMBERS:
        return values
    if name == "work_year":
        values = pc.replace_substring_regex(values, ESTIMATED_YEAR, r"\1")
    try:
        numbers = pc.cast(values, pa.int64())
        if pc.cast(numbers, pa.string()).equals(values):
            return numbers  # all of them are: there and back is a fifth of the cost of the rule
    except pa.ArrowInvalid:
        pass
    whole = pc.match_substring_regex(values, WHOLE_NUMBER)
    return pc.cast(pc.if_else(whole, values, pa.scalar(None, pa.string())), pa.int64())


def _failures(typed: dict[str, pa.Array]) -> Iterator[tuple[str, np.ndarray]]:
    """The columns whose rule is broken, and the positions of the distinct values that break it."""
    for name, values in typed.items():
        if not len(values):
            continue  # pandas gives an empty column a type of its own
        column = values.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        try:
            RULES[name].validate(column.to_frame(name), lazy=True)
        except pandera.errors.SchemaErrors as error:
            yield name, np.unique(error.failure_cases["index"].to_numpy(np.int64))  # one value may fail two checks


def _kept_rows(columns: dict[str, pa.Array], typed: dict[str, pa.Array], kept: np.ndarray) -> pa.RecordBatch:
    """The features and the target of the kept rows, in the contract's types; no dictionary keeps a broken value."""
    rows = {name: pa.DictionaryArray.from_arrays(columns[name].indices, typed[name], safe=False) for name in FEATURES}
    if not kept.all():
        rows = {
            name: column.filter(pa.array(kept)).dictionary_decode().dictionary_encode() for name, column in rows.items()
        }
    return pa.record_batch(rows | {TARGET: typed[TARGET].filter(pa.array(kept))})


def _estimated_years(column: pa.DictionaryArray, kept: np.ndarray) -> int:
    marked = pc.match_substring_regex(column.dictionary, ESTIMATED_YEAR).to_numpy(zero_copy_only=False)
    return int(marked[column.indices.to_numpy()][kept].sum())


def _quarantine(reasons: np.ndarray, rules: list[str], block: Block) -> pa.Table:
    """The broken lines as they stand in the file, in its order, each with the rules it breaks."""
    places = np.flatnonzero(reasons)
    lines = split_lines(block.text) if len(places) else []
    sets, which = np.unique(reasons[places], return_inverse=True)
    texts = ["; ".join(rule for bit, rule in enumerate(rules) if found >> bit & 1) for found in sets.tolist()]
    columns = [
        pa.array(places + block.first_line),
        pa.array(texts, pa.string()).take(pa.array(which)),
        pa.array([_text(lines[place]) for place in places.tolist()], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=QUARANTINE)


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="backslashreplace")


def _shown(value: str, *, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
