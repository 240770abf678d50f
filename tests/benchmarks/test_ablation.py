import numpy as np
import pytest

from benchmarks.ablation import CHANGES, train_and_predict
from benchmarks.accuracy.scores import OURS
from tests.support.tables import row, rows, table


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshot") / "salaries.csv"
    rare = [row(job_title=f"Title {number // 3}", salary_in_usd=99_000 + number) for number in range(12)]
    rarest = [row(job_title=f"Title of {number}") for number in range(6)]
    path.write_bytes(table([*rows(80), *rows(20), *rare, *rarest]))
    return path


@pytest.fixture(scope="module")
def shipped(snapshot, tmp_path_factory):
    return train_and_predict(CHANGES[OURS], snapshot, tmp_path_factory.mktemp("shipped"), seeds=[1])


@pytest.mark.parametrize("name", [name for name in CHANGES if name != OURS])
def test_each_change_trains_and_changes_something(name, snapshot, shipped, tmp_path):
    found = train_and_predict(CHANGES[name], snapshot, tmp_path, seeds=[1])
    assert found.shape == shipped.shape
    assert np.isfinite(found).all()
    assert (found != shipped).any()
