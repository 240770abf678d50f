"""Made-up salary tables: one row that keeps the contract, with what a test wants different."""

import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from hypothesis import strategies as st

from pipeline.data import csv_records
from pipeline.data.clean import Cleaned, clean
from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.parts import Part, plan
from pipeline.data.schema import COLUMNS
from pipeline.data.table_files import table_files

HEADER = ",".join(COLUMNS)
ROW = dict(
    zip(COLUMNS, ["2023", "SE", "FT", "Data Scientist", "150000", "USD", "150000", "US", "100", "US", "M"], strict=True)
)
TITLES = ("Data Scientist", "Data Engineer", "Lead ML/AI Engineer", "Analyst", "Head of Données")


def one_part(path: Path) -> Part:
    """All rows of a table's file as one part."""
    (part,) = plan(table_files(path), part_bytes=sys.maxsize)
    return part


def row(**cells: object) -> str:
    """One line of a table; `row(company_size="XL")` breaks the contract."""
    return ",".join(str(cells.get(name, ROW[name])) for name in COLUMNS)


def rows(count: int) -> list[str]:
    """Lines that keep the contract: every category and many salaries."""
    return [
        row(
            work_year=2020 + place % 4,
            experience_level=("EN", "MI", "SE", "EX")[place % 4],
            job_title=TITLES[place % 5],
            salary_in_usd=40_000 + 1_000 * (place * 37 % 101),
            employee_residence=("US", "GB", "NA")[place % 3],
            remote_ratio=(0, 50, 100)[place // 2 % 3],
            company_size="SML"[place // 3 % 3],
        )
        for place in range(count)
    ]


def table(lines: Iterable[str], *, end: str = "\n", header: str = HEADER) -> bytes:
    """The file of these lines."""
    return "".join(line + end for line in (header, *lines)).encode()


def parquet(text: bytes) -> bytes:
    """The same table as Parquet, its columns with types."""
    file = io.BytesIO()
    namibia = pa.csv.ConvertOptions(strings_can_be_null=False)
    pq.write_table(pa.csv.read_csv(io.BytesIO(text), convert_options=namibia), file)
    return file.getvalue()


def check(lines: Iterable[str]) -> Cleaned:
    """The lines as one block, checked against the contract."""
    block = Block(2, "\n".join(lines).encode())
    return clean(parse(block, COLUMNS))


def batch(lines: Iterable[str]) -> pa.RecordBatch:
    """The lines as clean rows."""
    return check(lines).rows


TOKENS = [b'"', b',"', b'",', b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xe9", b",", b"1e5", b"NA", b"e", b" ", b""]
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.lists(st.sampled_from(TOKENS), max_size=3)), max_size=6
)
"""Some cuts: where in the table (as a fraction), how many bytes go, what comes instead."""


def damaged(damage: Iterable[tuple[float, int, list[bytes]]]) -> bytes:
    """A good table's lines without the header, cut and patched."""
    body = "\n".join(rows(12)).encode()
    for place, length, tokens in damage:
        start = int(place * len(body))
        body = body[:start] + b"".join(tokens) + body[start + length :]
    return body


def records_of(body: bytes) -> list[bytes]:
    """The records, found line by line and byte by byte, without the line ends and the blank lines at the end."""
    rest = body.rstrip(b"\r\n")
    lines, records = rest.split(b"\n") if rest else [], []
    while lines:
        count = _first_record(lines)
        records.append(b"\n".join(lines[:count]).removesuffix(b"\r"))
        lines = lines[count:]
    return records


def _first_record(lines: list[bytes]) -> int:
    """How many of the lines are the first record."""
    most = 1
    while most < min(len(lines), csv_records.RECORD_LINES):
        if sum(len(line) + 1 for line in lines[:most]) > csv_records.RECORD_BYTES:
            break
        most += 1
    count, opened = closed(lines[:most])
    if count:
        return count
    looked_at = [lines[0][opened:], *lines[1:most]]
    unpaired = [_opening(line) for line in looked_at]
    telling = [line[-1] for line in unpaired if len(line) % 2 or line[-1:] == [True]]
    if sum(map(len, unpaired)) % 2 or telling[-1:] == [True]:
        return _end_of_long_cell(lines, most)
    return max([1, *(n for n, line in enumerate(unpaired, 1) if len(line) % 2 or False in line[::2])])


def _opening(line: bytes) -> list[bool]:
    """For each of the line's quotes without a pair, whether it opens a cell."""
    runs = [run.span() for run in re.finditer(rb'"+', line) if len(run[0]) % 2]
    return [(not start or line[start - 1] in b",") and line[end : end + 1] not in b",\r\n" for start, end in runs]


def _end_of_long_cell(lines: list[bytes], most: int) -> int:
    """How many of the lines a record has whose cell is open behind the bound of lines, if a quote there closes it."""
    last = next(
        (n for n in range(1, len(lines)) if len(b"\n".join(lines[:n])) + 1 > csv_records.RECORD_BYTES), len(lines)
    )
    rest = lines[most:last]
    runs = [run for run in re.finditer(rb'"+', b"\n".join(rest) + b"\n") if len(run[0]) % 2]
    if not runs:
        return most
    around = b"\n%b\n" % b"\n".join(rest)  # so the run is one byte further
    if around[runs[0].start()] in b",\n" and around[runs[0].end() + 1] not in b",\r\n":
        return most  # it opens another cell
    return next((count for count, line in enumerate(rest, most + 1) if line.count(b'"') % 2), most)


def closed(lines: list[bytes]) -> tuple[int, int]:
    """How many of the lines the first record has, 0 if a quote breaks it; and where the first line's last one opens."""
    state, opened = "start", 0  # of a field
    for number, line in enumerate(lines, 1):
        for place, byte in enumerate(line.decode("latin-1")):
            if state == "inside":
                state = "at a quote" if byte == '"' else "inside"
            elif state == "at a quote" and byte == '"':
                state = "inside"
            elif state == "at a quote" and byte not in ",\r":
                return 0, opened
            elif byte == ",":
                state = "start"
            else:
                state = "inside" if state == "start" and byte == '"' else "unquoted"
                opened = place if state == "inside" and number == 1 else opened
        if state != "inside":
            return number, opened
    return 0, opened
