import datetime

import numpy as np
import pytest

from benchmarks.ablation import CHANGES, score_changes
from benchmarks.accuracy.scores import OURS
from tests.support.tables import row, rows, table


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    """What the network with each change predicts for the rows of a second week."""
    folder = tmp_path_factory.mktemp("weekly")
    rare = [row(job_title=f"Title {number // 3}", salary_in_usd=99_000 + number) for number in range(12)]
    rarest = [row(job_title=f"Title of {number}") for number in range(6)]
    first = [*rows(80), *rows(20), *rare, *rarest]
    new = [row(salary_in_usd=50_000 + number, job_title=f"Title {number}") for number in range(5)]
    for date, week in {"2023-01-01": first, "2023-01-08": [*first, *new]}.items():
        (folder / f"salaries_{date}.csv").write_bytes(table(week))
    return score_changes(folder, datetime.date(2023, 1, 1), seeds=[1]).predictions


@pytest.mark.parametrize("name", [name for name in CHANGES if name != OURS])
def test_each_change_trains_and_changes_something(name, predictions):
    assert predictions[name].shape == (1, 5)
    assert np.isfinite(predictions[name]).all()
    assert (predictions[name] != predictions[OURS]).any()
