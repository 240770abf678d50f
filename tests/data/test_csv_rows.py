import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.schema import COLUMNS
from tests.support.tables import DAMAGE, HEADER, damaged, one_part, records_of, row


def test_rows_come_in_the_contracts_order_of_columns():
    parsed = parse(Block(2, b"M,US," + b",".join([b"x"] * 9)), list(reversed(COLUMNS)))
    assert parsed.rows.schema.names == list(COLUMNS)
    assert parsed.rows["company_size"].to_pylist() == ["M"]
    assert parsed.rows["company_location"].to_pylist() == ["US"]


def test_text_arrives_as_it_stands():
    cells = ["NA", "nan", "", " x ", "NULL", "1e5", "007", 'x"y', "Données", "true", "2023-01-01"]
    parsed = parse(Block(2, ",".join(cells).encode()), COLUMNS)
    assert [column.to_pylist()[0] for column in parsed.rows.columns] == cells


def test_a_quoted_field_may_hold_commas_and_doubled_quotes():
    parsed = parse(Block(2, row(job_title='"Lead, ""AI"""').encode()), COLUMNS)
    assert parsed.rows["job_title"].to_pylist() == ['Lead, "AI"']


BROKEN = {
    b"": "blank line",
    b"   ": "not 11 fields",
    b"2023,SE,FT,Da": "not 11 fields",
    row(salary="150,000").encode(): "not 11 fields",
    row(job_title="a\0b").encode(): "NUL byte",
    row(job_title="a\rb").encode(): "carriage return inside the line",
    row(job_title="caf\xe9").encode("latin-1"): "bytes that are not UTF-8",
    row(job_title='"Data" Scientist').encode(): "unclosed or misplaced quote",
    row(company_size='"an "M""').encode(): "unclosed or misplaced quote",
    ("\ufeff" + row()).encode(): "byte order mark inside the file",
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.items(), ids=BROKEN.values())
@pytest.mark.parametrize("position", [0, 2, 4])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_broken_line_is_found_wherever_it_stands_in_its_block(line, reason, position, end):
    lines = [row().encode()] * 4
    lines.insert(position, line)
    parsed = parse(Block(100, b"\n".join(lines) + (end or b"\n" * (not line))), COLUMNS)
    assert broken_lines(parsed, 100) == {100 + position: reason}
    assert parsed.positions.tolist() == [other for other in range(5) if other != position]


def test_every_kind_of_damage_in_one_block_keeps_its_own_line_number():
    lines = [line for broken in BROKEN for line in (row().encode(), broken)]
    parsed = parse(Block(2, b"\n".join(lines) + b"\n"), COLUMNS)
    assert broken_lines(parsed, 2) == dict(zip(range(3, 3 + 2 * len(BROKEN), 2), BROKEN.values(), strict=True))
    assert parsed.positions.tolist() == list(range(0, 2 * len(BROKEN), 2))


def test_a_block_of_broken_lines_alone_has_no_rows():
    parsed = parse(Block(2, b"a;b\n\nc;d\n"), COLUMNS)
    assert parsed.rows.num_rows == 0
    assert list(broken_lines(parsed, 2)) == [2, 3, 4]


def test_an_unpaired_quote_takes_the_lines_behind_it_and_no_other_text_of_quotes_and_commas_does():
    for codes in itertools.chain.from_iterable(itertools.product('"a,', repeat=length) for length in range(1, 6)):
        text = "".join(codes)
        body = f"{text}\n{row()}\n{row()}".encode()
        parsed = parse(Block(2, body), COLUMNS)
        is_open = len(records_of(body)) == 1
        assert parsed.positions.tolist() == ([] if is_open else [1, 2]), text
        assert [lines.tolist() for lines in parsed.lines(np.array([0]))] == [[2], [4 if is_open else 2]]


def test_an_unclosed_quote_is_one_problem_that_names_the_lines_it_takes():
    parsed = parse(Block(2, "\n".join([row(), row(company_size='"M'), *[row()] * 70]).encode()), COLUMNS)
    assert parsed.positions.tolist() == [0, *range(2, 9)]
    assert broken_lines(parsed, 2) == {3: "unclosed or misplaced quote"}
    assert [lines.tolist() for lines in parsed.lines(np.array([1]))] == [[3], [66]]


def broken_lines(parsed, first_line):
    """The first line of every broken record with its problem."""
    first, _ = parsed.lines(np.arange(len(parsed.problems)))
    return {
        first_line - parsed.block.first_line + line: parsed.problem(code)
        for line, code in zip(first.tolist(), parsed.problems.tolist(), strict=True)
        if code
    }


def parse_all(path, size):
    """Every row by its first line, and every broken record with its reason and its text."""
    rows: dict[int, dict[str, str]] = {}
    broken: dict[int, tuple[str, str]] = {}
    for block in one_part(path).blocks(size=size):
        parsed = parse(block, COLUMNS)
        first, _ = (lines.tolist() for lines in parsed.lines(np.arange(len(parsed.problems))))
        rows |= dict(zip([first[place] for place in parsed.positions.tolist()], parsed.rows.to_pylist(), strict=True))
        for place in np.flatnonzero(parsed.problems).tolist():
            broken[first[place]] = (parsed.problem(parsed.problems[place]), parsed.record(place))
    return rows, broken


@settings(max_examples=200)
@given(DAMAGE, st.integers(1, 600))
def test_whatever_the_damage_every_record_is_a_row_or_broken_in_blocks_of_any_size(tmp_path_factory, damage, size):
    body = damaged(damage)
    path = tmp_path_factory.getbasetemp() / "raw.csv"
    path.write_bytes(HEADER.encode() + b"\n" + body)
    rows, broken = parse_all(path, size)
    records = records_of(body)
    starts = [2, *(2 + np.cumsum([record.count(b"\n") + 1 for record in records])).tolist()][: len(records)]
    assert sorted([*rows, *broken]) == starts
    for line, (_, text) in broken.items():
        assert text == records[starts.index(line)].decode(errors="backslashreplace")
    for line, values in rows.items():
        assert next(csv.reader(io.StringIO(records[starts.index(line)].decode(), newline=""))) == list(values.values())
    assert (rows, broken) == parse_all(path, 1 << 20)
