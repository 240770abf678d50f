import datetime
import gzip
import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data import source
from pipeline.data.source import csv_text, open_table
from tests.data.test_csv_blocks import Pipe
from tests.support.tables import parquet, rows, table

TABLE = table(rows(40))


class RealPipe(Pipe):
    """A stream that says of itself that it cannot be rewound."""

    def seekable(self):
        return False


DATA = {
    "CSV": TABLE,
    "gzip": gzip.compress(TABLE),
    "gzip in two members": gzip.compress(TABLE[:99]) + gzip.compress(TABLE[99:]),
    "Parquet": parquet(TABLE),
    "Parquet in gzip": gzip.compress(parquet(TABLE)),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", [io.BytesIO, RealPipe])
@pytest.mark.parametrize("piece_bytes", [7, 1 << 20])
@pytest.mark.parametrize("data", DATA)
def test_a_table_is_read_by_its_content_from_files_and_pipes(data, kind, piece_bytes, monkeypatch):
    monkeypatch.setattr(source, "PIECE_BYTES", piece_bytes)
    monkeypatch.setattr(source, "BATCH_ROWS", 7)
    text = csv_text(kind(DATA[data]), where="a table")
    assert text.readline() + text.read() == (TABLE if DATA[data] else b"")


def test_a_name_says_nothing(tmp_path):
    path = tmp_path / "table.csv"
    for data in DATA.values():
        path.write_bytes(data)
        with open_table(path) as text:
            assert text.read() == (TABLE if data else b"")


def test_a_stream_is_read_from_where_it_stands():
    file = io.BytesIO(b"title\n" + TABLE)
    file.readline()
    assert csv_text(file, where="a table").read() == TABLE


@pytest.mark.parametrize("size", [11, 300, -9, -1])
@pytest.mark.parametrize("kind", ["gzip", "Parquet"])
def test_what_is_cut_off_is_refused(kind, size):
    data = DATA[kind][:size]
    with pytest.raises(ValueError, match=f"^a table: a table that begins as {kind} must be whole, found it cut off or"):
        csv_text(io.BytesIO(data), where="a table").read()


@pytest.mark.parametrize("kind", ["gzip", "Parquet"])
def test_what_is_damaged_is_refused(kind):
    data = bytearray(DATA[kind])
    data[40:60] = b"x" * 20
    with pytest.raises(ValueError, match=f"begins as {kind} must be whole, found it cut off or damaged"):
        csv_text(io.BytesIO(data), where="a table").read()


def test_what_comes_out_of_gzip_may_be_no_table():
    with pytest.raises(ValueError, match="found what seems to be a file compressed with gzip twice"):
        csv_text(io.BytesIO(gzip.compress(gzip.compress(TABLE))), where="a table")


def text_of(columns):
    """The CSV text of a Parquet table of these columns."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return csv_text(io.BytesIO(file.getvalue()), where="a table")


def lines_of(**columns):
    return [line.decode() for line in text_of(columns).read().splitlines()]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([2023, -1, None]), ["2023", "-1", ""]),
        (pa.array([2023, 0], pa.uint16()), ["2023", "0"]),
        (pa.array([2023.0, 1e9, 0.5, None]), ["2023", "1000000000", "0.5", ""]),
        (pa.array([2023.0], pa.float32()), ["2023"]),
        (pa.array(["NA", "", None, " x "]), ["NA", "", "", " x "]),
        (pa.array(["a", None, "b", "a"]).dictionary_encode(), ["a", "", "b", "a"]),
        (pa.array([2023, None]).dictionary_encode(), ["2023", ""]),
        (pa.array(["Données"], pa.large_string()), ["Données"]),
        (pa.nulls(2), ["", ""]),
        (
            pa.array(["Lead, AI", 'the "best"', "plain", '5" Analyst']),
            ['"Lead, AI"', '"the ""best"""', "plain", '"5"" Analyst"'],
        ),
        (pa.array([True, None]), ["true", ""]),
        (pa.array([datetime.date(2023, 1, 31)]), ["2023-01-31"]),
        (pa.array([[1, 2], None]), ['"[1, 2]"', ""]),
        (pa.array([b"\xff", b"x"]), [r"\xff", "x"]),
        (pa.array([2023, None], pa.decimal128(9)), ["2023", ""]),
        (pa.array(["x", None], pa.string_view()), ["x", ""]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pa.Array) else "",
)
def test_a_typed_column_becomes_the_text_of_its_values(values, texts):
    assert lines_of(a=values, b=["x"] * len(values)) == ["a,b", *(f"{text},x" for text in texts)]


def test_a_line_break_in_a_cell_is_a_carriage_return_in_quotes_so_that_a_row_is_a_line():
    cells = ["told by phone,\nask again", 'two\r\n\n"ends"', "\r"]
    assert text_of({"a": cells}).read() == b'a\n"told by phone,\rask again"\n"two\r\r""ends"""\n"\r"\n'


def test_names_of_columns_are_written_as_csv_writes_them():
    assert text_of({"a": [1], "b, c": [2], "d\ne": [3], "": [4]}).read() == b'a,"b, c",d e,\n1,2,3,4\n'


@pytest.mark.parametrize(("columns", "text"), [({"a": pa.nulls(0)}, b"a\n"), ({}, b"\n")])
def test_a_table_without_rows_has_a_header_alone(columns, text):
    assert text_of(columns).read() == text


def test_what_pandas_makes_of_whole_numbers_with_gaps_stays_whole():
    frame = pd.DataFrame({"a": [2023, None], "b": ["x", "y"]})
    file = io.BytesIO()
    frame.to_parquet(file)
    file.seek(0)
    assert csv_text(file, where="a table").read() == b"a,b\n2023,x\n,y\n"


def test_rows_are_taken_a_batch_at_a_time(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 10)
    taken = []

    def lines(cells):
        taken.extend(cells[0].to_pylist())
        return b"x\n" * len(cells[0])

    monkeypatch.setattr(source, "_csv_lines", lines)
    text = text_of({"a": range(100)})
    assert (text.readline(), taken) == (b"a\n", [])
    assert (text.read(6), taken) == (b"x\n" * 3, [str(number) for number in range(10)])


LONG = "x" * 60_000
LONG_CELLS = {
    "text": pa.array([LONG] * 500),
    "bytes": pa.array([LONG.encode()] * 500),
    "a dictionary": pa.array([LONG] * 500).dictionary_encode(),
    "lists": pa.array([[LONG]] * 500),
    "short text": pa.array(["x" * 600] * 50_000),
}


@pytest.mark.parametrize("kind", LONG_CELLS)
def test_a_long_text_that_a_file_holds_once_comes_in_small_pieces(kind):
    file = io.BytesIO()
    pq.write_table(pa.table({"a": LONG_CELLS[kind], "b": range(len(LONG_CELLS[kind]))}), file)
    assert len(file.getvalue()) < 600_000
    before = pa.total_allocated_bytes()
    sizes, held = [], []
    for piece in source._csv_of_parquet(file, where="a table"):
        sizes.append(len(piece))
        held.append(pa.total_allocated_bytes() - before)
    assert sum(sizes) > 30_000_000 - 1
    assert max(sizes) <= source.PIECE_BYTES + 70_000
    assert max(held) < 8 * source.PIECE_BYTES


def test_a_row_that_no_bound_on_memory_could_hold_is_refused(monkeypatch):
    monkeypatch.setattr(source, "LINE_BYTES", 100)
    good = {"a": ["x" * 50, "y"], "b": ["x" * 50, None]}
    assert len(text_of(good).read()) == len("a,b\n") + 102 + len("y,\n")
    text = text_of({"a": ["y", "x" * 50], "b": [None, "x" * 51]})
    with pytest.raises(
        ValueError, match="a row may have 100 bytes of text, found line 3 with 101; shorten its longest"
    ):
        text.read()


def test_gzip_that_becomes_far_too_much_is_refused_before_it_has(monkeypatch):
    monkeypatch.setattr(source, "ANY_INFLATED", 1 << 16)
    monkeypatch.setattr(source, "PIECE_BYTES", 1 << 12)
    bomb = gzip.compress(TABLE + rows(1)[0].encode() * 100_000)
    text = csv_text(io.BytesIO(bomb), where="a table")
    sizes: list[int] = []
    with pytest.raises(ValueError, match=r"^a table: gzip may become 200 times as many bytes, or 65,536, found more"):
        sizes.extend(len(piece) for piece in iter(lambda: text.read(1000), b""))
    assert sum(sizes) <= max(1 << 16, 200 * len(bomb)) < 100_000 * len(rows(1)[0])
    assert csv_text(io.BytesIO(gzip.compress(TABLE * 100)), where="a table").read() == TABLE * 100
