"""A block of lines → its rows that keep the data contract, and for each other line all rules that it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.contract_report import EXAMPLES, ContractReport, Violation
from pipeline.data.csv_rows import Parsed, split_lines, text_of
from pipeline.data.schema import AMOUNTS, COLUMNS, ESTIMATED_VALUES, NUMBERS, requirement
from pipeline.data.validate import advice, may_have_point, texts_of, validate


def _type(column: str) -> pa.DataType:
    kind = pa.int64() if column in NUMBERS else pa.string()
    return kind if column in AMOUNTS else pa.dictionary(pa.int32(), kind)


CLEAN = pa.schema([(name, _type(name)) for name in COLUMNS])
"""A row that keeps the contract, in its types."""
QUARANTINE = pa.schema([("line", pa.int64()), ("reasons", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class CheckedBlock:
    """Which lines of a block keep the contract, and what is wrong with the others.

    Shape: rows (rows kept,) in the types of `CLEAN`; kept (rows kept,) and broken (broken lines,) the positions of
    their lines in the block; reasons (broken lines,) in words; bad_lines, by rule, positions of lines that are no rows;
    bad_values, by column, positions of rows that break its rule.
    """

    rows: pa.RecordBatch
    kept: np.ndarray
    broken: np.ndarray
    reasons: pa.StringArray
    bad_lines: Mapping[str, np.ndarray]
    bad_values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Cleaned:
    """What became of a block of so many bytes: the rows that keep the contract, and the other lines as they stand."""

    rows: pa.RecordBatch
    quarantine: pa.Table
    report: ContractReport
    size: int


def check_block(parsed: Parsed, columns: Sequence[str]) -> CheckedBlock:
    """Ask the contract about these columns of a block."""
    rows, bad_values = validate(parsed.rows.select(columns))
    bad_lines = {}
    for code in np.unique(parsed.problems[parsed.problems > 0]).tolist():
        rule = f"a line must be one row of comma-separated UTF-8 text ({parsed.problem(code)})"
        bad_lines[rule] = np.flatnonzero(parsed.problems == code)
    # By rule, the positions of the lines that break it.
    rules = bad_lines | {requirement(name): parsed.positions[bad] for name, bad in bad_values.items()}
    is_broken = np.zeros(len(parsed.problems), bool)  # (lines,)
    breaks = np.zeros((len(rules), len(is_broken)), bool)  # (rules, lines)
    for number, positions in enumerate(rules.values()):
        breaks[number, positions] = is_broken[positions] = True
    is_kept = ~is_broken[parsed.positions]  # (rows,)
    return CheckedBlock(
        rows=_filtered(rows, is_kept),
        kept=parsed.positions[is_kept],
        broken=np.flatnonzero(is_broken),
        reasons=joined_where(breaks[:, is_broken], list(rules), separator="; "),
        bad_lines=bad_lines,
        bad_values=bad_values,
    )


def clean(parsed: Parsed) -> Cleaned:
    """Ask the contract about all columns of a block; lines that break it go to quarantine with their reasons."""
    checked = check_block(parsed, COLUMNS)
    decimals = [name for name in NUMBERS if may_have_point(texts_of(parsed.rows[name]))]
    report = ContractReport(
        rows=len(parsed.problems),
        quarantined=len(checked.broken),
        estimated_rows=_count_matching(ESTIMATED_VALUES, parsed, checked.kept),
        decimal_rows=_count_matching(dict.fromkeys(decimals, r"\."), parsed, checked.kept),
        violations={violation.rule: violation for violation in _violations(parsed, checked)},
    )
    return Cleaned(checked.rows, _quarantine(parsed, checked), report, size=len(parsed.block.text))


def joined_where(holds: np.ndarray, texts: Sequence[str], *, separator: str) -> pa.StringArray:
    """For each column of `holds` the texts of the rows in which it is true. Shape: (texts, n); returns (n,).

    >>> joined_where(np.array([[True, False, True], [True, False, False]]), ["a", "b"], separator="; ").to_pylist()
    ['a; b', '', 'a']
    """
    nothing = pa.scalar(None, pa.string())
    cells = [pc.if_else(pa.array(row), text, nothing) for row, text in zip(holds, texts, strict=True) if row.any()]
    start = pa.repeat("", holds.shape[1])  # Arrow drops rows in which it has nothing to join
    joined = pc.binary_join_element_wise(start, *cells, separator, null_handling="skip")  # "; a; b"
    return pc.utf8_slice_codeunits(joined, len(separator))


def _filtered(rows: pa.RecordBatch, is_kept: np.ndarray) -> pa.RecordBatch:
    """The kept rows; no dictionary keeps a value that no row has. Shape: is_kept (rows,)."""
    if is_kept.all():
        return rows
    columns = [
        column.dictionary_decode().dictionary_encode() if isinstance(column, pa.DictionaryArray) else column
        for column in rows.filter(pa.array(is_kept)).columns
    ]
    return pa.record_batch(columns, names=rows.schema.names)


def _violations(parsed: Parsed, checked: CheckedBlock) -> Iterator[Violation]:
    """Each broken rule with its first lines, and what was found there: a line that is no row, or a value."""
    lines = split_lines(parsed.block.text) if checked.bad_lines else []
    for rule, positions in checked.bad_lines.items():
        found = [_shown(text_of(lines[position])) for position in positions[:EXAMPLES]]
        yield _violation(parsed, rule, positions, found)
    for name, rows in checked.bad_values.items():
        found = parsed.rows[name].take(pa.array(rows[:EXAMPLES])).to_pylist()
        shown = [_shown(value) + advice(name, value) for value in found]
        yield _violation(parsed, requirement(name), parsed.positions[rows], shown)


def _violation(parsed: Parsed, rule: str, positions: np.ndarray, found: Sequence[str]) -> Violation:
    lines = (positions[:EXAMPLES] + parsed.block.first_line).tolist()
    return Violation(rule, len(positions), tuple(zip(lines, found, strict=True)))


def _shown(value: str, *, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _count_matching(patterns: Mapping[str, str], parsed: Parsed, kept: np.ndarray) -> int:
    """How many kept rows have a value, such as `2021e`, of its column's pattern. Shape: kept (rows kept,), of lines."""
    has_one = np.zeros(len(parsed.problems), bool)  # (lines,)
    for name, pattern in patterns.items():
        column = parsed.rows[name]
        matches = pc.match_substring_regex(texts_of(column), pattern)
        found = matches.to_numpy(zero_copy_only=False)  # (distinct values,) or (rows,)
        is_dictionary = isinstance(column, pa.DictionaryArray)
        has_one[parsed.positions] |= found[column.indices.to_numpy()] if is_dictionary else found
    return int(has_one[kept].sum())


def _quarantine(parsed: Parsed, checked: CheckedBlock) -> pa.Table:
    """The broken lines in the file's order: each one's number, the rules that it breaks, and its text."""
    lines = split_lines(parsed.block.text) if len(checked.broken) else []
    texts = pa.array([text_of(lines[position]) for position in checked.broken.tolist()], pa.string())
    numbers = pa.array(checked.broken + parsed.block.first_line)
    return pa.Table.from_arrays([numbers, checked.reasons, texts], schema=QUARANTINE)
