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


def split(text):
    """The records of a text, found at once."""
    offsets = record_offsets(text).tolist()
    return [text[start : end - 1].removesuffix(b"\r") for start, end in itertools.pairwise(offsets)]


def parsed_in_blocks(body, *, size):
    """The cells of every row, and the first line, last line and problem of every other record."""
    rows, broken, last = [], [], 1
    for block in blocks_of(io.BytesIO(body), where="test", size=size):
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


@settings(max_examples=150)
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
        assert not body or split(body) == records_of(text), text
        blocks = [block.text for block in blocks_of(io.BytesIO(text), where="test", size=1)]
        assert b"".join(blocks).removesuffix(b"\n") == body, text
        assert [record for block in blocks for record in split(block)] == records_of(text), text


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from(['"', '""', "a", ",", "\n", "\r\n", "1,2,3\n", 'x"', '\n"']), max_size=60),
    st.integers(1, 50),
)
def test_whatever_the_text_blocks_of_any_size_have_the_same_records(monkeypatch_bounds, tokens, size):
    body = "".join(tokens).encode()
    whole = parsed_in_blocks(body, size=1 << 20)
    assert parsed_in_blocks(body, size=size) == whole
    assert len(whole[0]) + len(whole[1]) == len(records_of(body))


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
        # one quote too many or too few in a line: what follows may be text of its cell
        ('1,"a stray quote,2\n3,4,5\n6,7,8\n', [], [(2, 4, QUOTE)]),
        ('1,2,"told by phone\nand\n\nwith letters\n3,4,5\n', [], [(2, 6, QUOTE)]),
        ('1,"stray,2\n3,"Lead, AI",5\n6,7,8\n', [], [(2, 4, QUOTE)]),
        # broken behind the closing quote
        ('"pasted:\n3,4,5\nend" x,1,2\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        ('1,"pasted:\n3,4,5\nend" x,"two\n3,4,5\nlines"\n6,7,8\n', [("6", "7", "8")], [(2, 6, QUOTE)]),
        ('1,"fine\nhere","pasted:\n3,4,5\nend" x\n6,7,8\n', [("6", "7", "8")], [(2, 5, QUOTE)]),
        # quotes inside that are not doubled
        ('1,2,"said "hi" to me\n3,4,5\nend"\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        ('1,2,"said "yes"\n3,4,5\nend"\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        ('1,2,"pasted:\n3,"Lead, AI",5\n3,4,5\nend"\n6,7,8\n', [("6", "7", "8")], [(2, 5, QUOTE)]),
        ('1,2,"a 5" screen\n3,4,5\nend"\n6,7,8\n', [], [(2, 5, QUOTE)]),
        ('1,5" Analyst,"pasted:\n3,4,5\nend" x\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        # each line has an even number of them
        ('1,2,"told \\"by phone,\n3,4,5\nask\\" again"\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        ('1,2,"told "by phone,\n3,4,5\nask" again"\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        ('1,2,"told, "by phone\n3,4,5\nask", again"\n6,7,8\n', [("6", "7", "8")], [(2, 4, QUOTE)]),
        ('1,2,"told ""by phone" x\n3,4,5\nend"\n6,7,8\n', [], [(2, 5, QUOTE)]),
        ('1,"stray,"stray\n3,4,5\n', [], [(2, 3, QUOTE)]),
        # two that nothing closes: no more than the bound of lines
        ('1,"stray,2\n3,4,5\n6,"stray,8\n3,4,5\n', [], [(2, 5, QUOTE)]),
        # all in one line
        ('1,2,"told" by phone\n3,4,5\n', [("3", "4", "5")], [(2, 2, QUOTE)]),
        ('1,"a "good" one",2\n3,"Lead, AI",5\n', [("3", "Lead, AI", "5")], [(2, 2, QUOTE)]),
        (
            '"Data" Engineer,1,2\n3,4,5\n"Data" Analyst,1,2\n3,"Lead, AI",5\n',
            [("3", "4", "5"), ("3", "Lead, AI", "5")],
            [(2, 2, QUOTE), (4, 4, QUOTE)],
        ),
        ('1,"two\nlines"\n3,4,5\n', [("3", "4", "5")], [(2, 3, "not 3 fields")]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_broken_record_takes_the_lines_that_may_be_its_own(body, rows, broken, end, size):
    expected = [tuple(cell.replace("\n", end) for cell in cells) for cells in rows]
    assert parsed_in_blocks(body.replace("\n", end).encode(), size=size) == (expected, broken)


LINES = ["not,a,row", '"not",a,row', 'not,"a, b",row', 'not,"a,row', "text", 'said "hi" to me', r"said \"hi\"", ""]
PASTED = st.lists(st.sampled_from(LINES), max_size=30)
ENDS = {
    '"pasted:': ["", 'end" x', 'end" x,"y" z', 'say "hi" x"', "x"],
    r'"told \"by phone,': [r'ask\" again"', r'ask\", again"'],
    '"told "by phone,': ['ask" again"', 'ask", again"', '"hi", ask" again"'],
    '"told, "by phone': ['ask" again"', 'ask", again"'],
    '"told ""by phone" x': ['again"', 'say ""hi"" again"'],
}
FRAMES = st.sampled_from([(start, end) for start, ends in ENDS.items() for end in ends])


@settings(max_examples=200)
@given(st.integers(0, 2), PASTED, FRAMES, st.integers(1, 300))
@pytest.mark.soak
def test_no_line_of_a_broken_cell_is_a_row_and_the_rows_behind_the_bounds_are_all_there(place, pasted, frame, size):
    cells = ["1", "2", "3"]
    cells[place] = "\n".join([frame[0], *pasted, frame[1]])
    before, behind = "good,row,0\n" * 3, [f"good,row,{number}" for number in range(100)]
    body = "\n".join([before + ",".join(cells), *behind])
    rows, broken = parsed_in_blocks(body.encode(), size=size)
    found = [",".join(cells) for cells in rows]
    assert found == ["good,row,0"] * 3 + behind[len(behind) + 3 - len(found) :]
    ((first, end, _),) = broken
    assert (first, end) == (5, 106 + len(pasted) - (len(found) - 3))
    assert end - first < csv_records.RECORD_LINES


@pytest.mark.parametrize("size", [1000, 1 << 24])
@pytest.mark.parametrize("text", ["x\n" * csv_records.RECORD_LINES, "x" * csv_records.RECORD_BYTES + "\n"])
def test_a_quoted_field_beyond_the_bounds_is_broken_and_the_table_goes_on(text, size):
    good = "1,2,3\n"
    lines = min(text.count("\n"), csv_records.RECORD_LINES)
    rows, broken = parsed_in_blocks(f'{good}1,2,"{text}{good * 200}'.encode(), size=size)
    assert rows == [("1", "2", "3")] * 201
    assert broken == [(3, 2 + lines, QUOTE)]
    within = text[2:] if "\n" in text[:-1] else text[20:]
    assert len(parsed_in_blocks(f'{good}1,2,"{within}"\n{good * 200}'.encode(), size=size)[0]) == 202


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
@pytest.mark.parametrize(
    "end", ['end"', '"', 'said ""so"""', '"",\nend"', 'end","two\nlines"', 'end" x,"two\nlines" y']
)
def test_no_line_of_a_cell_beyond_the_bound_of_lines_is_a_row(end, size):
    cell = "pasted:\n" + "not,a,row\n" * 100 + end
    rows, broken = parsed_in_blocks(f'1,2,3\n1,2,"{cell}\n4,5,6\n7,"8, or 9",0\n'.encode(), size=size)
    assert rows[-2:] == [("4", "5", "6"), ("7", "8, or 9", "0")]
    assert ("not", "a", "row") not in rows
    assert sum(last - first + 1 for first, last, _ in broken) in (0, 102 + end.count("\n"))


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_a_stray_quote_takes_no_more_than_the_bound_of_lines_if_another_cell_is_quoted_behind_it(size):
    body = '1,"stray,3\n' + "1,2,3\n" * 100 + '7,"8, or 9",0\n' + "1,2,3\n" * 100
    rows, broken = parsed_in_blocks(body.encode(), size=size)
    assert broken == [(2, 65, QUOTE)]
    assert len(rows) == 100 - 63 + 1 + 100


@pytest.mark.parametrize("size", [1, 100])
def test_what_waits_for_the_end_of_a_record_is_bounded(monkeypatch, size):
    monkeypatch.setattr(csv_records, "RECORD_BYTES", 60)
    body = b'1,"never closed,3\n' + b"1,2,3\n" * 200
    blocks = list(blocks_of(io.BytesIO(body), where="test", size=size))
    assert max(len(block.text) for block in blocks) <= size + 60 + 18
    assert len(blocks) > 2


def test_quotes_are_judged_as_by_hand_in_all_short_lines():
    for length in range(8):
        for codes in itertools.product(b'"a,', repeat=length):
            line = bytes(codes)
            assert has_no_multiline_quotes(line) == bool(closed([line])[0]), line
            assert has_no_multiline_quotes(b'x\n"y"\r\n' + line) == bool(closed([line])[0]), line
