import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.evaluation.columns import read_split


def write(path, hashes):
    pq.write_table(pa.table({"level": range(len(hashes)), "row_hash": pa.array(hashes, pa.uint64())}), path)
    return path


def test_rows_are_read_in_the_order_of_their_hashes(tmp_path):
    split = read_split(write(tmp_path / "test.parquet", [2**63, 1, 5]))
    assert split["row_hash"].tolist() == [1, 5, 2**63]
    assert split["level"].tolist() == [1, 2, 0]
    assert all(isinstance(column, np.ndarray) for column in split.values())


def test_a_split_of_one_row_cannot_be_scored(tmp_path):
    with pytest.raises(ValueError, match=r"test\.parquet: a split must have two rows or more to be scored, found 1"):
        read_split(write(tmp_path / "test.parquet", [1]))
