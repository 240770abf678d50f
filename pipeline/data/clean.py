"""A block of records → its rows that keep the data contract, and for each other record all rules that it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.contract_report import EXAMPLES, ContractReport, Example, Violation
from pipeline.data.csv_rows import PROBLEMS, Parsed, parse
from pipeline.data.parts import Part
from pipeline.data.schema import AMOUNTS, COLUMNS, ESTIMATED_VALUES, NUMBERS, requirement
from pipeline.data.validate import described, may_have_point, shown, texts_of, validate
from pipeline.runtime.prefetch import prefetched


def _type(column: str) -> pa.DataType:
    kind = pa.int64() if column in NUMBERS else pa.string()
    return kind if column in AMOUNTS else pa.dictionary(pa.int32(), kind)


CLEAN = pa.schema([(name, _type(name)) for name in COLUMNS])
"""A row that keeps the contract, in its types."""
QUARANTINE = pa.schema([("line", pa.int64()), ("reasons", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class CheckedBlock:
    """Which records of a block keep the contract, and what is wrong with the others.

    Shape: rows (rows kept,) in the types of `CLEAN`; kept (rows kept,) and broken (broken records,) the positions of
    their records in the block; reasons (broken records,) in words; no_rows, by rule, positions of records that are no
    rows; bad_values, by column, positions of rows that break its rule.
    """

    rows: pa.RecordBatch
    kept: np.ndarray
    broken: np.ndarray
    reasons: pa.StringArray
    no_rows: Mapping[str, np.ndarray]
    bad_values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Cleaned:
    """What became of a block of so many bytes and lines: the rows that keep the contract, the others as they stand."""

    rows: pa.RecordBatch
    quarantine: pa.RecordBatch
    report: ContractReport
    size: int
    lines: int


def clean_part(part: Part, *, block_bytes: int, threads: int) -> Iterator[Cleaned]:
    """The blocks of a part, cleaned one by one, and parsed ahead in so many threads. Raises: ValueError as `Part`."""
    parsed, blocks = partial(parse, names=part.columns), part.blocks(size=block_bytes)
    return map(clean, prefetched(parsed, blocks, threads=threads) if threads else map(parsed, blocks))


def check_block(parsed: Parsed, columns: Sequence[str]) -> CheckedBlock:
    """Ask the contract about these columns of a block."""
    no_rows = {}
    for code in np.unique(parsed.problems[parsed.problems > 0]).tolist():
        rule = f"a record must be one row of comma-separated UTF-8 text ({parsed.problem(code)})"
        no_rows[rule] = np.flatnonzero(parsed.problems == code)
    return _checked(parsed.rows.select(columns), parsed.positions, no_rows, records=len(parsed.problems))


def check_rows(text: pa.RecordBatch) -> CheckedBlock:
    """Ask the contract about rows of text, all of which are rows. Shape: text (rows,) as `validate` reads it."""
    return _checked(text, np.arange(text.num_rows), {}, records=text.num_rows)


def _checked(
    text: pa.RecordBatch, positions: np.ndarray, no_rows: Mapping[str, np.ndarray], *, records: int
) -> CheckedBlock:
    """Shape: text and positions, of their records, (rows,)."""
    rows, bad_values = validate(text)
    # The positions of the records that break each rule, and what to say of them.
    rules = [*no_rows.values(), *(positions[bad] for bad in bad_values.values())]
    reasons = [*no_rows, *(_reasons(name, text[name].take(pa.array(bad))) for name, bad in bad_values.items())]
    is_broken = np.zeros(records, bool)  # (records,)
    breaks = np.zeros((len(rules), records), bool)  # (rules, records)
    for number, broken in enumerate(rules):
        breaks[number, broken] = is_broken[broken] = True
    is_kept = ~is_broken[positions]  # (rows,)
    return CheckedBlock(
        rows=_filtered(rows, is_kept),
        kept=positions[is_kept],
        broken=np.flatnonzero(is_broken),
        reasons=joined_where(breaks[:, is_broken], reasons, separator="; "),
        no_rows=no_rows,
        bad_values=bad_values,
    )


def _reasons(name: str, column: pa.Array) -> pa.Array:
    """The rule that a column's values break, each with the value and what to write instead. Shape: (n,) each."""
    values = (column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column).dictionary_encode()
    texts = [f"{requirement(name)}, found {text}" for text in described(name, values.dictionary.to_pylist())]
    return pa.array(texts, pa.string()).take(values.indices)


def clean(parsed: Parsed) -> Cleaned:
    """Ask the contract about all columns of a block; records that break it go to quarantine with their reasons."""
    checked = check_block(parsed, COLUMNS)
    decimals = [name for name in NUMBERS if may_have_point(texts_of(parsed.rows[name]))]
    report = ContractReport(
        rows=len(parsed.problems),
        quarantined=len(checked.broken),
        estimated_rows=_count_matching(ESTIMATED_VALUES, parsed, checked.kept),
        decimal_rows=_count_matching(dict.fromkeys(decimals, r"\."), parsed, checked.kept),
        violations={violation.rule: violation for violation in _violations(parsed, checked)},
    )
    block = parsed.block
    return Cleaned(checked.rows, _quarantine(parsed, checked), report, size=len(block.text), lines=block.lines)


def joined_where(holds: np.ndarray, texts: Sequence[str | pa.Array], *, separator: str) -> pa.StringArray:
    """For each column of `holds` the texts of the rows in which it is true.

    Shape: holds (texts, n); a text of a row may be an array, of one for each place where the row is true; returns (n,).

    >>> holds = np.array([[True, False, True], [True, False, False]])
    >>> joined_where(holds, [pa.array(["a", "c"]), "b"], separator="; ").to_pylist()
    ['a; b', '', 'c']
    """
    nothing = pa.nulls(holds.shape[1], pa.string())
    pairs = [(pa.array(row), text) for row, text in zip(holds, texts, strict=True) if row.any()]
    cells = [pc.replace_with_mask(nothing, row, text) for row, text in pairs]
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
    """Each broken rule with its first records, and what was found there: a record that is no row, or a value.

    The places of rules: the problems of records in the order of `PROBLEMS`, then the columns in that of `COLUMNS`.
    """
    for rule, positions in checked.no_rows.items():
        texts = [shown(parsed.record(position)) for position in positions[:EXAMPLES]]
        first, last = parsed.lines(positions[:EXAMPLES])
        examples = map(Example, first.tolist(), texts, (last - first + 1).tolist())
        yield Violation(rule, int(parsed.problems[positions[0]]), len(positions), tuple(examples))
    for name, rows in checked.bad_values.items():
        first, _ = parsed.lines(parsed.positions[rows[:EXAMPLES]])
        texts = described(name, parsed.rows[name].take(pa.array(rows[:EXAMPLES])).to_pylist())
        place = len(PROBLEMS) + COLUMNS.index(name)
        yield Violation(requirement(name), place, len(rows), tuple(map(Example, first.tolist(), texts)))


def _count_matching(patterns: Mapping[str, str], parsed: Parsed, kept: np.ndarray) -> int:
    """How many kept rows have a value, such as `2021e`, of its column's pattern. Shape: kept (rows kept,)."""
    has_one = np.zeros(len(parsed.problems), bool)  # (records,)
    for name, pattern in patterns.items():
        column = parsed.rows[name]
        matches = pc.match_substring_regex(texts_of(column), pattern)
        found = matches.to_numpy(zero_copy_only=False)  # (distinct values,) or (rows,)
        is_dictionary = isinstance(column, pa.DictionaryArray)
        has_one[parsed.positions] |= found[column.indices.to_numpy()] if is_dictionary else found
    return int(has_one[kept].sum())


def _quarantine(parsed: Parsed, checked: CheckedBlock) -> pa.RecordBatch:
    """The broken records in the file's order: each one's first line, the rules that it breaks, and its text."""
    lines, _ = parsed.lines(checked.broken)
    texts = pa.array(map(parsed.record, checked.broken.tolist()), pa.string())
    return pa.RecordBatch.from_arrays([pa.array(lines), checked.reasons, texts], schema=QUARANTINE)
