import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import external_sort
from pipeline.data.external_sort import RowFile, sort

ROW = np.dtype([("key", np.uint64), ("number", np.int32)])
KEYS = st.integers(0, 9) | st.integers(2**64 - 3, 2**64 - 1)  # many are equal; as floats, the large ones all are


def rows_of(keys):
    rows = np.empty(len(keys), ROW)
    rows["key"], rows["number"] = keys, np.arange(len(keys))
    return rows


@pytest.fixture(autouse=True)
def _little_memory(monkeypatch):
    """Few rows are read and few runs are merged at a time."""
    monkeypatch.setattr(external_sort, "HEAD", 3)
    monkeypatch.setattr(external_sort, "FAN_IN", 2)


@given(keys=st.lists(KEYS, min_size=1, max_size=60), size=st.integers(1, 20))
def test_rows_come_out_whole_and_in_order_whatever_blocks_they_came_in(tmp_path_factory, keys, size):
    rows, folder = rows_of(keys), tmp_path_factory.mktemp("sort") / "runs"
    found = sort((rows[start : start + size] for start in range(0, len(rows), size)), folder, by="key")
    sorted_rows = np.concatenate(list(found.blocks(7)))
    assert sorted_rows.tolist() == sorted(rows.tolist())  # equal keys in the order in which they came
    assert list(folder.iterdir()) == [found.path]  # no run is left


def test_a_block_without_rows_is_no_harm(tmp_path):
    found = sort([rows_of([]), rows_of([2, 1]), rows_of([])], tmp_path / "runs", by="key")
    assert np.concatenate(list(found.blocks()))["key"].tolist() == [1, 2]


def test_no_blocks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there must be rows to sort, found none"):
        sort([], tmp_path / "runs", by="key")


@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_equal_keys_are_in_one_block_however_many_rows_are_read_at_a_time(tmp_path, size):
    rows = rows_of([1, 1, 2, 3, 3, 3, 3, 3, 4])
    file = RowFile.write(tmp_path / "rows", [rows], ROW)
    blocks = [block["key"].tolist() for block in file.blocks_of_whole_groups("key", size)]
    assert [key for block in blocks for key in block] == rows["key"].tolist()
    assert all(set(one).isdisjoint(other) for one in blocks for other in blocks if one is not other)
