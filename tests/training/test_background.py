import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.training.background import ROWS, read_background, representative


def test_few_rows_have_nearly_the_mean_of_all():
    prediction = np.random.default_rng(1).lognormal(11.8, 0.5, 40_000)
    chosen = prediction[representative(prediction, count=256)]
    assert abs(chosen.mean() - prediction.mean()) < 0.01 * prediction.std()  # 256 random rows are off by 0.06


def test_of_no_more_rows_than_wanted_all_stand_for_themselves():
    assert representative(np.array([3.0, 1.0, 2.0]), count=3).tolist() == [0, 1, 2]
    assert representative(np.array([3.0, 1.0, 2.0]), count=9).tolist() == [0, 1, 2]


def test_another_order_of_the_rows_gives_the_same_rows():
    prediction = np.random.default_rng(1).normal(size=1000)
    order = np.random.default_rng(2).permutation(1000)
    assert set(order[representative(prediction[order], count=64)]) == set(representative(prediction, count=64))


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("size", [7, 1000])
def test_the_codes_are_those_of_the_chosen_rows(tmp_path, size, step):
    codes = np.arange(1000, dtype=np.int16)
    pq.write_table(
        pa.table({"level": codes, "size": codes[::-1], "other": codes}), tmp_path / "train.parquet", row_group_size=size
    )
    prediction = np.random.default_rng(1).normal(size=1000)
    found = read_background(tmp_path / "train.parquet", ["size", "level"], prediction[::step], step=step)
    chosen = representative(prediction[::step], count=ROWS) * step
    assert list(found) == ["size", "level"]
    assert found["level"].tolist() == chosen.tolist()
    assert found["size"].tolist() == (999 - chosen).tolist()
