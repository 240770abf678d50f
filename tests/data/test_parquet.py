import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data import parquet
from pipeline.data.parquet import RowGroups, row_groups

SCHEMA = pa.schema([("number", pa.int32()), ("text", pa.string())])


def write(path, rows, parts):
    table = pa.table({"number": range(rows), "text": [f"x{number % 7}" for number in range(rows)]}, schema=SCHEMA)
    with RowGroups(path, SCHEMA) as writer:
        for start in range(0, rows, parts):
            writer.write(table.slice(start, parts))
    assert writer.rows == rows
    return table


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    monkeypatch.setattr(parquet, "SIZE", 100)


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 200, 250])
def test_what_is_read_is_what_was_written(tmp_path, rows):
    table = write(tmp_path / "x.parquet", rows, 33)
    assert pq.read_table(tmp_path / "x.parquet").equals(table)


@pytest.mark.parametrize("rows", [1, 99, 100, 101, 200, 250])
def test_the_bytes_depend_on_the_rows_alone(tmp_path, rows):
    contents = set()
    for parts in (1, 7, 99, 100, 101, 1000):
        write(tmp_path / "x.parquet", rows, parts)
        contents.add((tmp_path / "x.parquet").read_bytes())
    assert len(contents) == 1


def test_every_group_but_the_last_is_full(tmp_path):
    write(tmp_path / "x.parquet", 250, 130)
    metadata = pq.read_metadata(tmp_path / "x.parquet")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [100, 100, 50]


def test_nothing_written_is_an_empty_table_of_the_schema(tmp_path):
    with RowGroups(tmp_path / "x.parquet", SCHEMA):
        pass
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.schema == SCHEMA
    assert table.num_rows == 0


def test_no_metadata_names_a_library_beside_parquets_own(tmp_path):
    write(tmp_path / "x.parquet", 10, 5)
    assert pq.read_metadata(tmp_path / "x.parquet").metadata is None


def test_an_error_inside_passes_through(tmp_path):
    with pytest.raises(ValueError, match="midway"), RowGroups(tmp_path / "x.parquet", SCHEMA):
        raise ValueError("midway")


def test_row_groups_are_read_one_at_a_time_with_the_columns_asked_for(tmp_path):
    expected = write(tmp_path / "x.parquet", 250, 130)
    found = list(row_groups(tmp_path / "x.parquet"))
    assert [group.num_rows for group in found] == [100, 100, 50]
    assert pa.concat_tables(found).equals(expected)
    assert [group.column_names for group in row_groups(tmp_path / "x.parquet", ["text"])] == [["text"]] * 3
