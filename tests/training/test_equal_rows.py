import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import external_sort
from pipeline.data.schema import HASH
from pipeline.training.equal_rows import WeightFile, weights

HASHES = st.lists(st.sampled_from([5, 7, 9, 2**64 - 2, 2**64 - 1]), min_size=1, max_size=40)


def test_equal_rows_weigh_as_much_as_one_and_all_have_a_mean_of_one():
    hashes = np.array([5, 9, 5, 7, 5, 9], np.uint64)
    found = weights(hashes)
    assert found.mean() == pytest.approx(1)
    assert {float(found[hashes == value].sum()) for value in (5, 7, 9)} == {2.0}


@given(HASHES, st.integers(1, 15))
def test_weights_on_disk_are_those_in_memory_to_the_last_bit(tmp_path_factory, hashes, group):
    folder = tmp_path_factory.mktemp("weights")
    pq.write_table(pa.table({HASH: pa.array(hashes, pa.uint64())}), folder / "rows.parquet", row_group_size=group)
    file = pq.ParquetFile(folder / "rows.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(external_sort, "HEAD", 3)
        on_disk = WeightFile.write(file, folder / "scratch")
    found = [on_disk.of_group(number) for number in range(file.num_row_groups)]
    assert [len(part) for part in found[:-1]] == [group] * (file.num_row_groups - 1)
    assert np.concatenate(found).tolist() == weights(np.array(hashes, np.uint64)).tolist()


def test_of_the_scratch_files_the_weights_alone_stay(tmp_path):
    pq.write_table(pa.table({HASH: pa.array([1, 1, 2], pa.uint64())}), tmp_path / "rows.parquet")
    WeightFile.write(pq.ParquetFile(tmp_path / "rows.parquet"), tmp_path / "scratch")
    (weights_file,) = (tmp_path / "scratch").iterdir()
    assert weights_file.stat().st_size == 3 * 4
