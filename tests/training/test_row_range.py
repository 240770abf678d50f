"""Parts of a Parquet file, in row groups that they may cut, against the rows of the whole file."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.training.row_range import RowRange

ROWS, GROUP = 23, 5  # five row groups, of which the last one has three rows


@pytest.fixture
def file(tmp_path):
    table = pa.table({"number": list(range(ROWS)), "unread": ["x"] * ROWS})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=GROUP)
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("rows", [range(ROWS), range(3), range(4, 6), range(5, 10), range(7, ROWS), range(22, 23)])
def test_a_range_has_its_rows_in_the_order_of_the_file(file, rows):
    part = replace(RowRange.whole(file), rows=rows)
    assert len(part) == len(rows)
    assert part.table(["number"]).to_pydict() == {"number": list(rows)}


def test_a_row_group_that_is_read_has_the_rows_of_the_range_alone(file):
    part = replace(RowRange.whole(file), rows=range(4, 16))
    found = [part.read(group, ["number"])["number"].to_pylist() for group in range(len(part.groups))]
    assert found == [[4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [15]]


def test_no_row_group_is_read_that_has_none_of_the_rows(file):
    part = replace(RowRange.whole(file), rows=range(5, 10))
    assert part.groups == [(1, 0, 5)]


def test_a_split_without_rows_is_refused(tmp_path):
    pq.write_table(pa.table({"number": pa.array([], pa.int64())}), tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match=r"empty\.parquet: the split must have rows, found none; run dvc repro"):
        RowRange.whole(tmp_path / "empty.parquet")
