import gzip
import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data import csv_blocks, csv_records, parts
from pipeline.data.csv_records import record_offsets
from pipeline.data.parts import plan
from pipeline.data.table_files import table_files
from tests.support.tables import DAMAGE, HEADER, damaged, parquet, records_of, row, rows, table

TOLD = row(job_title='"told by phone,\nask again,\n""now"""')


def write(folder, data, name="table.csv"):
    (folder / name).write_bytes(data)
    return folder / name


def read(path, part_bytes, *, size=1 << 20):
    """The records of all parts, the number of each block's first line, and how many parts did not start as planned."""
    records, first_lines, moved, end, lines = [], [], 0, len(HEADER) + 1, 0
    for planned in plan(table_files(path), part_bytes=part_bytes):
        part = replace(planned, start=end)
        moved += part != planned
        for block in part.blocks(size=size):
            offsets = record_offsets(block.text).tolist()
            records += [block.text[a : b - 1].removesuffix(b"\r") for a, b in itertools.pairwise(offsets)]
            first_lines.append(block.first_line + lines)
            end += len(block.text)
        lines = path.read_bytes().count(b"\n", 0, end) - 1
    return records, first_lines, moved


def test_a_short_file_is_one_part(tmp_path):
    (part,) = plan(table_files(write(tmp_path, table(rows(20)))))
    assert (part.start, part.end, part.file) == (len(HEADER) + 1, None, "")
    assert part.columns == tuple(HEADER.split(","))


def test_parts_are_of_about_so_many_bytes_and_begin_with_lines(tmp_path):
    data = table(rows(200))
    planned = plan(table_files(write(tmp_path, data)), part_bytes=1000)
    assert [part.number for part in planned] == list(range(len(planned)))
    assert [part.end for part in planned] == [*(part.start for part in planned[1:]), None]
    assert all(data[part.start - 1 : part.start] == b"\n" for part in planned)
    assert all(900 < end - start < 1100 for start, end in itertools.pairwise(part.start for part in planned))


def test_the_parts_of_a_folder_are_those_of_its_files_in_their_order(tmp_path):
    for name in ("b.csv", "a.csv"):
        write(tmp_path, table(rows(20)), name)
    planned = plan(table_files(tmp_path), part_bytes=1000)
    assert [part.file for part in planned] == ["a.csv", "a.csv", "b.csv", "b.csv"]


@pytest.mark.parametrize("data", [gzip.compress(table(rows(200))), parquet(table(rows(200)))])
def test_what_can_be_read_from_its_beginning_only_is_one_part(tmp_path, data):
    path = write(tmp_path, data)
    assert len(plan(table_files(path), part_bytes=1000)) == 1
    assert [record.decode() for record in read(path, 1000)[0]] == rows(200)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\r\n" * 40])
def test_blank_lines_at_the_end_are_no_part(tmp_path, end):
    path = write(tmp_path, table(rows(20)).rstrip(b"\n") + end.encode())
    for part_bytes in (10, 60, 100, 500):
        assert [record.decode() for record in read(path, part_bytes)[0]] == rows(20)
        assert all(part.start < len(table(rows(20))) for part in plan(table_files(path), part_bytes=part_bytes))


@pytest.mark.parametrize("data", [table([]), table([]) + b"\n\r\n", HEADER.encode()])
def test_a_file_without_rows_is_a_part_without_records(tmp_path, data):
    (part,) = plan(table_files(write(tmp_path, data)), part_bytes=10)
    assert list(part.blocks()) == []


def test_a_record_of_several_lines_on_a_border_is_in_one_part_and_each_part_starts_as_planned(tmp_path):
    lines = [*rows(2), TOLD, TOLD, *rows(2)]
    path = write(tmp_path, table(lines))
    for part_bytes in range(1, len(table(lines))):
        records, first_lines, moved = read(path, part_bytes)
        assert ([record.decode() for record in records], moved) == (lines, 0)
        assert first_lines == sorted(first_lines)


def test_a_record_that_reaches_beyond_what_the_plan_looks_at_moves_the_next_part(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "RECORD_BYTES", 100)
    inside = "\n".join([row(), *['"",'] * 40, row()])
    lines = [*rows(2), row(job_title=f'"{inside}"'), *rows(2)]
    path, moves = write(tmp_path, table(lines)), set()
    for part_bytes in range(50, 500, 10):
        records, _, moved = read(path, part_bytes)
        assert [record.decode() for record in records] == lines
        moves.add(moved)
    assert max(moves) > 0


@settings(max_examples=100)
@given(DAMAGE, st.integers(20, 400), st.integers(1, 400), st.sampled_from([1, 50, 1 << 20]))
def test_whatever_the_damage_parts_of_any_size_have_the_records_of_the_file(
    tmp_path_factory, damage, part_bytes, size, window
):
    path = write(tmp_path_factory.mktemp("table"), table([]) + damaged(damage))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "RECORD_BYTES", window)
        records, _, _ = read(path, part_bytes, size=size)
    assert records == records_of(damaged(damage))


@settings(max_examples=100)
@given(st.lists(st.sampled_from([b'"', b'""', b',"', b'",', b"a", b",", b"\n", b"a,b\n"]), max_size=60), st.data())
def test_whatever_the_text_parts_of_any_size_have_the_records_of_the_file(tmp_path_factory, tokens, data):
    body = b"".join(tokens)
    path = write(tmp_path_factory.mktemp("table"), table([]) + body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "RECORD_LINES", data.draw(st.integers(2, 6)))
        for module in (csv_records, csv_blocks, parts):
            patch.setattr(module, "RECORD_BYTES", data.draw(st.integers(1, 60)) if module is parts else 30)
        records, _, _ = read(path, data.draw(st.integers(1, 80)), size=data.draw(st.integers(1, 80)))
        assert records == records_of(body)


def test_a_line_that_is_too_long_has_its_number_in_the_file(tmp_path, monkeypatch):
    path = write(tmp_path, table([*rows(30), "x" * 500, *rows(5)]))
    for module in (csv_blocks, parts):
        monkeypatch.setattr(module, "LINE_BYTES", 200)
    for part_bytes in (100, 700, 10_000):
        with pytest.raises(ValueError, match=r"table\.csv: line 32 is over 200 bytes long: is this a CSV file"):
            read(path, part_bytes, size=100)
