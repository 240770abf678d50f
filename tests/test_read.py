import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import read
from pipeline.read import Block, parse, read_blocks, read_header
from pipeline.schema import COLUMNS
from tests.tables import DAMAGE, HEADER, damaged, lines_of, row, rows, table


def write(folder, data):
    path = folder / "raw.csv"
    path.write_bytes(data)
    return path


def blocks(path, size):
    return list(read_blocks(path, offset=read_header(path)[1], size=size))


@pytest.mark.parametrize(
    "header",
    [HEADER, "\ufeff" + HEADER, ",".join(f'"{name}"' for name in COLUMNS), ",".join(reversed(COLUMNS))],
    ids=["plain", "BOM", "quoted", "reordered"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_header_names_the_columns_in_the_order_of_the_file(tmp_path, header, end):
    data = (header + end).encode()
    names, offset = read_header(write(tmp_path, data))
    assert names == header.removeprefix("\ufeff").replace('"', "").split(",")
    assert offset == len(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1 must be a header of 11 columns, found nothing"),
        (b"\xef\xbb\xbf", "line 1 must be a header of 11 columns, found nothing"),
        (b"\n" + table([]), "line 1 must be a header of 11 columns, found nothing"),
        (table([], header=HEADER.replace(",company_size", "")), "found: column 'company_size' is missing"),
        (table([], header=HEADER + ",bonus"), "found: unknown column 'bonus'"),
        (table([], header=HEADER.replace("job_title", "jobtitle")), r"unknown column 'jobtitle' \(is it 'job_title'"),
        (table([], header=HEADER.replace("salary_in", " salary_in")), r"unknown column ' salary_in_usd' \(is it 'sala"),
        (table([], header=HEADER + ",salary"), "found: column 'salary' stands 2 times"),
        (table([], header=row()), "column 'work_year' is missing"),
        (table([]).replace(b",", b";"), "found: the separator is ';': save the table with commas"),
        (table([]).replace(b",", b"\t"), r"found: the separator is '\\t': save the table with commas"),
        (HEADER.encode("utf-16"), "is UTF-16: save it as UTF-8"),
        (HEADER.encode("utf-16-le"), "line 1 has NUL bytes: this is UTF-16 or no text"),
        (b"\x1f\x8b" + table([]), r"is compressed with gzip: unpack it first \(gunzip\)"),
        (b"PK\x03\x04" + table([]), "is a zip archive or a spreadsheet: export the table as CSV"),
        (table(rows(2), end="\r"), "lines must end with a line feed, found carriage returns alone"),
        (b"x" * 200_000, "unknown column 'x{60}';"),
    ],
)
def test_a_broken_header_is_named_with_its_mending(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        read_header(write(tmp_path, data))


def test_a_missing_file_names_the_setting(tmp_path):
    with pytest.raises(ValueError, match=r"must be a CSV file, found nothing; set data.path in params.yaml"):
        read_header(tmp_path / "missing.csv")


def test_a_directory_is_no_table(tmp_path):
    with pytest.raises(ValueError, match=r"must be a CSV file, found a directory; set data.path"):
        read_header(tmp_path)


@pytest.mark.parametrize("size", [1, 7, 60, 500, 1 << 24])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\r\n\n"])
def test_blocks_are_whole_lines_without_the_blank_end(tmp_path, size, end):
    lines = rows(20)
    found = blocks(write(tmp_path, table(lines).rstrip(b"\n") + end.encode()), size)
    assert b"".join(block.text for block in found) == "\n".join(lines).encode()
    assert all(block.text.endswith(b"\n") for block in found[:-1])


@pytest.mark.parametrize("size", [1, 60, 1 << 24])
def test_a_block_knows_the_number_of_its_first_line(tmp_path, size):
    path = write(tmp_path, table(rows(20)))
    lines = path.read_bytes().split(b"\n")
    for block in blocks(path, size):
        assert block.text.split(b"\n")[0] == lines[block.first_line - 1]


@pytest.mark.parametrize("size", [50, 200])
def test_a_line_longer_than_the_limit_is_refused_with_its_number(tmp_path, monkeypatch, size):
    monkeypatch.setattr(read, "BLOCK_BYTES", 200)
    lines = [*rows(5), row(job_title="x" * 200), *rows(5)]
    with pytest.raises(ValueError, match="line 7 is over 200 bytes long: is this a CSV file"):
        blocks(write(tmp_path, table(lines)), size)


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
    b"   ": "1 fields instead of 11",
    b"2023,SE,FT,Da": "4 fields instead of 11",
    row(salary="150,000").encode(): "12 fields instead of 11",
    row(job_title="a\0b").encode(): "NUL byte",
    row(job_title="a\rb").encode(): "carriage return inside the line",
    row(job_title="caf\xe9").encode("latin-1"): "bytes that are not UTF-8",
    row(job_title='"Data').encode(): "unclosed or misplaced quote",
    row(job_title='x"y', salary='"a').encode(): "unclosed or misplaced quote",
    row(job_title='"Data" Scientist').encode(): "unclosed or misplaced quote",
    row(company_size='"M').encode(): "unclosed or misplaced quote",
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.items(), ids=BROKEN.values())
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_broken_line_is_found_wherever_it_stands_in_its_block(line, reason, place, end):
    lines = [row().encode()] * 4
    lines.insert(place, line)
    parsed = parse(Block(100, b"\n".join(lines) + (end or b"\n" * (not line))), COLUMNS)
    assert parsed.broken == {100 + place: reason}
    assert parsed.lines.tolist() == [100 + other for other in range(5) if other != place]


def test_every_kind_of_damage_in_one_block_keeps_its_own_line_number():
    lines = [line for broken in BROKEN for line in (row().encode(), broken)]
    parsed = parse(Block(2, b"\n".join(lines) + b"\n"), COLUMNS)
    assert parsed.broken == dict(zip(range(3, 3 + 2 * len(BROKEN), 2), BROKEN.values(), strict=True))
    assert parsed.lines.tolist() == list(range(2, 2 + 2 * len(BROKEN), 2))


def test_a_block_of_broken_lines_alone_has_no_rows():
    parsed = parse(Block(2, b"a;b\n\nc;d\n"), COLUMNS)
    assert parsed.rows.num_rows == 0
    assert list(parsed.broken) == [2, 3, 4]


def test_no_text_of_quotes_and_commas_can_swallow_the_next_line():
    for cells in itertools.chain.from_iterable(itertools.product('"a,', repeat=length) for length in range(1, 6)):
        parsed = parse(Block(2, f"{''.join(cells)}\n{row()}".encode()), COLUMNS)
        assert parsed.lines.tolist()[-1:] == [3], cells
        assert len(parsed.lines) + len(parsed.broken) == 2, cells


def parse_all(path, size):
    """Every row by its line, and every broken line with its reason."""
    parsed = [parse(block, COLUMNS) for block in blocks(path, size)]
    values = {
        line: row for part in parsed for line, row in zip(part.lines.tolist(), part.rows.to_pylist(), strict=True)
    }
    return values, {line: reason for part in parsed for line, reason in part.broken.items()}


@settings(max_examples=200)
@given(DAMAGE, st.integers(1, 600))
def test_whatever_the_damage_every_line_is_a_row_or_broken_in_blocks_of_any_size(tmp_path_factory, damage, size):
    body = damaged(damage)
    path = write(tmp_path_factory.getbasetemp(), HEADER.encode() + b"\n" + body)
    values, broken = parse_all(path, size)
    assert sorted([*values, *broken]) == list(range(2, 2 + len(lines_of(body))))
    assert (values, broken) == parse_all(path, 1 << 20)
