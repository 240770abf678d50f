import io

import pytest

from pipeline.data import csv_blocks
from pipeline.data.csv_blocks import blocks_of
from pipeline.data.csv_header import read_header
from pipeline.data.schema import COLUMNS
from tests.support.tables import HEADER, one_part, row, rows, table


def write(folder, data):
    path = folder / "raw.csv"
    path.write_bytes(data)
    return path


def blocks(path, size):
    return list(one_part(path).blocks(size=size))


@pytest.mark.parametrize(
    "header",
    [HEADER, "\ufeff" + HEADER, ",".join(f'"{name}"' for name in COLUMNS), ",".join(reversed(COLUMNS))],
    ids=["plain", "BOM", "quoted", "reordered"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_header_names_the_columns_in_the_order_of_the_file(tmp_path, header, end):
    data = (header + end).encode()
    names, offset = read_header(write(tmp_path, data))
    assert list(names) == header.removeprefix("\ufeff").replace('"', "").split(",")
    assert offset == len(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1 must be a header that names work_year, .*; found nothing$"),
        (b"\xef\xbb\xbf", "line 1 must be a header that names work_year, .*; found nothing$"),
        (b"\n" + table([]), "line 1 must be a header that names work_year, .*; found nothing$"),
        (table([], header=HEADER.replace(",company_size", "")), "found: column 'company_size' is missing"),
        (table([], header=HEADER.replace("job_title", "jobtitle")), r"title' is missing \(is it 'jobtitle'\?\)$"),
        (table([], header=HEADER.replace("salary_in", " salary_in")), r"_usd' is missing \(is it ' salary_in_usd'\?\)"),
        (table([], header=HEADER + ",salary"), "found: column 'salary' stands 2 times"),
        (table([], header=row()), "column 'work_year' is missing"),
        (table([]).replace(b",", b";"), "found: the separator is ';': save the table with commas"),
        (table([]).replace(b",", b"\t"), r"found: the separator is '\\t': save the table with commas"),
        (HEADER.encode("utf-16"), "found what seems to be UTF-16 text; save it as UTF-8"),
        (HEADER.encode("utf-16-le"), "line 1 has NUL bytes: this is UTF-16 or no text"),
        (table(rows(2), end="\r"), "lines must end with a line feed, found carriage returns alone"),
        (b"x" * 100_000, "'company_size' is missing$"),
        (b"x" * 200_000, "must be column names separated by commas, found 'x{60}': field larger than field limit"),
    ],
)
def test_a_broken_header_is_named_with_its_mending(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        read_header(write(tmp_path, data))


@pytest.mark.parametrize("size", [1, 7, 60, 500, 1 << 24])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\r\n\n", "\r\r\n\n"])
def test_blocks_are_whole_lines_without_the_blank_end(tmp_path, size, end):
    lines = rows(20)
    found = blocks(write(tmp_path, table(lines).rstrip(b"\n") + end.encode()), size)
    text = b"".join(block.text for block in found)
    assert text.removesuffix(b"\n").removesuffix(b"\r") == "\n".join(lines).encode()
    assert all(block.text.endswith(b"\n") for block in found[:-1])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_block_ends_with_a_whole_line_where_nothing_but_its_end_follows(end):
    lines = [f"{line}{end}".encode() for line in ("1,2", "3,4", "5,6")]
    found = blocks_of(io.BytesIO(b"".join(lines)), where="test", size=3)
    assert [block.text for block in found] == lines


@pytest.mark.parametrize("size", [1, 60, 1 << 24])
def test_a_block_knows_the_number_of_its_first_line(tmp_path, size):
    path = write(tmp_path, table(rows(20)))
    lines = path.read_bytes().split(b"\n")
    for block in blocks(path, size):
        assert block.text.split(b"\n")[0] == lines[block.first_line - 1]


@pytest.mark.parametrize("size", [50, 200])
def test_a_line_longer_than_the_limit_is_refused_with_its_number(tmp_path, monkeypatch, size):
    monkeypatch.setattr(csv_blocks, "LINE_BYTES", 200)
    lines = [*rows(5), row(job_title="x" * 200), *rows(5)]
    with pytest.raises(ValueError, match="line 7 is over 200 bytes long: is this a CSV file"):
        blocks(write(tmp_path, table(lines)), size)


class Pipe(io.BytesIO):
    """A stream that cannot be rewound, as standard input."""

    def seek(self, *_):
        raise io.UnsupportedOperation


@pytest.mark.parametrize("size", [1, 7, 60, 500, 1 << 24])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\n\n\r\n\n", "\r\r\n\n"])
def test_a_stream_has_the_lines_of_the_file(tmp_path, size, end):
    data = table(rows(20)).rstrip(b"\n") + end.encode()
    pipe = Pipe(data)
    pipe.readline()
    streamed = list(blocks_of(pipe, where="pipe", size=size))
    assert streamed == blocks(write(tmp_path, data), size)
    text = b"".join(block.text for block in streamed)
    assert text.removesuffix(b"\n").removesuffix(b"\r") == "\n".join(rows(20)).encode()


def test_blank_lines_before_the_last_row_are_kept():
    (block,) = blocks_of(Pipe(b"\n\n\nrow\n\n"), where="pipe")
    assert block.text == b"\n\n\nrow"
