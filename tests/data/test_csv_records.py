import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data import csv_records
from pipeline.data.csv_blocks import blocks_of
from pipeline.data.csv_records import has_no_multiline_quotes, record_offsets
from pipeline.data.csv_rows import parse
from tests.support.tables import closed, records_of

NAMES = ("a", "b", "c")


def split(text, *, fields=3):
    """The records of a text, found at once."""
    offsets = record_offsets(text, fields=fields).tolist()
    return [text[start : end - 1].removesuffix(b"\r") for start, end in itertools.pairwise(offsets)]


def parsed_in_blocks(body, *, size):
    """The cells of every row, and the first line, last line and problem of every other record."""
    rows, broken, last = [], [], 1
    for block in blocks_of(io.BytesIO(body), where="test", fields=len(NAMES), size=size):
        parsed = parse(block, NAMES, keep=NAMES)
        rows += [tuple(values.values()) for values in parsed.rows.to_pylist()]
        for place, code in enumerate(parsed.problems.tolist()):
            (start,), (end,) = (lines.tolist() for lines in parsed.lines(np.array([place])))
            assert start == last + 1
            last = end
            broken += [(start, end, parsed.problem(code))] if code else []
    return rows, broken


DIALECTS = [
    {"lineterminator": "\r\n", "quoting": csv.QUOTE_MINIMAL},
    {"lineterminator": "\n", "quoting": csv.QUOTE_ALL},  # with this end, it leaves a carriage return unquoted
    {"lineterminator": "\r\n", "quoting": csv.QUOTE_ALL},
]
CELLS = st.text(st.sampled_from('a",\n\ré '), max_size=12)


@settings(max_examples=300)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=12), st.sampled_from(DIALECTS), st.integers(1, 300))
def test_what_pythons_csv_writes_is_read_as_pythons_csv_reads_it(cells, dialect, size):
    file = io.StringIO(newline="")
    csv.writer(file, **dialect).writerows(cells)
    assert list(map(tuple, csv.reader(io.StringIO(file.getvalue(), newline=""), strict=True))) == cells
    assert parsed_in_blocks(file.getvalue().encode(), size=size) == (cells, [])


@pytest.mark.parametrize(("lines", "size"), [(3, 1 << 20), (64, 9)])
def test_all_short_texts_have_the_records_found_by_hand_in_blocks_of_any_size(monkeypatch, lines, size):
    monkeypatch.setattr(csv_records, "RECORD_LINES", lines)
    monkeypatch.setattr(csv_records, "RECORD_BYTES", size)
    for codes in itertools.product(b'"a,\n', repeat=7):
        text = bytes(codes)
        body = text.rstrip(b"\n")
        assert not body or split(body) == records_of(text, fields=3), text
        blocks = [block.text for block in blocks_of(io.BytesIO(text), where="test", fields=3, size=1)]
        assert b"".join(blocks) == body, text
        assert [record for block in blocks for record in split(block)] == records_of(text, fields=3), text


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(['"', '""', "a", ",", "\n", "\r\n", "1,2,3\n", 'x"', '\n"']), max_size=60),
    st.integers(1, 50),
)
def test_whatever_the_text_blocks_of_any_size_have_the_same_records(monkeypatch_bounds, tokens, size):
    body = "".join(tokens).encode()
    whole = parsed_in_blocks(body, size=1 << 20)
    assert parsed_in_blocks(body, size=size) == whole
    assert len(whole[0]) + len(whole[1]) == len(records_of(body, fields=3))


@pytest.fixture(
    params=[(4, 1 << 20), (64, 30), (64, 1 << 20)], ids=["4 lines", "30 bytes", "as they are"], scope="module"
)
def monkeypatch_bounds(request):
    """The bounds of a record, small, or as they are."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("RECORD_LINES", "RECORD_BYTES"), request.param, strict=True):
            patch.setattr(csv_records, name, value)
        yield


QUOTE = "unclosed or misplaced quote"


@pytest.mark.parametrize(
    ("body", "rows", "broken"),
    [
        ('1,"told by phone,\nask again",2\n3,4,5\n', [("1", "told by phone,\nask again", "2"), ("3", "4", "5")], []),
        ('1,"a stray quote,2\n3,4,5\n', [("3", "4", "5")], [(2, 2, QUOTE)]),
        ('"told by phone\nask again,1,2\n3,4,5\n', [("3", "4", "5")], [(2, 3, QUOTE)]),
        ('1,2,"told by phone\nand\n\nwith letters\n3,4,5\n', [("3", "4", "5")], [(2, 5, QUOTE)]),
        ('1,2,"told by phone\n3,4,"ask\nagain"\n', [("3", "4", "ask\nagain")], [(2, 2, QUOTE)]),
        ('1,2,"told" by phone\n3,4,5\n', [("3", "4", "5")], [(2, 2, QUOTE)]),
        ('1,2,"told\nby" phone\n3,4,5\n', [("3", "4", "5")], [(2, 3, QUOTE)]),
        ('1,"two\nlines"\n3,4,5\n', [("3", "4", "5")], [(2, 3, "not 3 fields")]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_quote_that_nothing_closes_takes_what_is_left_of_its_record(body, rows, broken, end, size):
    expected = [tuple(cell.replace("\n", end) for cell in cells) for cells in rows]
    assert parsed_in_blocks(body.replace("\n", end).encode(), size=size) == (expected, broken)


@pytest.mark.parametrize("size", [1000, 1 << 24])
@pytest.mark.parametrize("text", ["x\n" * csv_records.RECORD_LINES, "x" * csv_records.RECORD_BYTES + "\n"])
def test_a_quoted_field_beyond_the_bounds_is_broken_and_the_table_goes_on(text, size):
    good = "1,2,3\n"
    rows, broken = parsed_in_blocks(f'{good}1,2,"{text}{good * 200}'.encode(), size=size)
    assert rows == [("1", "2", "3")] * 201
    assert broken == [(3, min(2 + text.count("\n"), 66), QUOTE)]
    within = text[2:] if "\n" in text[:-1] else text[20:]
    assert len(parsed_in_blocks(f'{good}1,2,"{within}"\n{good * 200}'.encode(), size=size)[0]) == 202


@pytest.mark.parametrize("size", [1, 100])
def test_what_waits_for_the_end_of_a_record_is_bounded(monkeypatch, size):
    monkeypatch.setattr(csv_records, "RECORD_LINES", 4)
    body = b'1,"never closed,3\n' + b"1,2,3\n" * 200
    blocks = list(blocks_of(io.BytesIO(body), where="test", fields=3, size=size))
    assert max(len(block.text) for block in blocks) <= size + 12 * 6 + 18
    assert len(blocks) > 2


def test_quotes_are_judged_as_by_hand_in_all_short_lines():
    for length in range(8):
        for codes in itertools.product(b'"a,', repeat=length):
            line = bytes(codes)
            assert has_no_multiline_quotes(line) == bool(closed([line])[0]), line
            assert has_no_multiline_quotes(b'x\n"y"\r\n' + line) == bool(closed([line])[0]), line
