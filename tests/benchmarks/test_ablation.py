import datetime

import numpy as np
import pytest

from benchmarks.ablation import CHANGES, score_changes
from benchmarks.accuracy.scores import OURS
from tests.support.skips import in_soak
from tests.support.tables import row, rows, table

FEW = ("linear output", "without linear skips", "target log1p", "8 parallel heads, TabM mini")


@pytest.fixture
def weekly(tmp_path):
    """Two weeks' tables."""
    rare = [row(job_title=f"Title {number // 3}", salary_in_usd=99_000 + number) for number in range(12)]
    rarest = [row(job_title=f"Title of {number}") for number in range(6)]
    first = [*rows(80), *rows(20), *rare, *rarest]
    new = [row(salary_in_usd=50_000 + number, job_title=f"Title {number}") for number in range(5)]
    for date, week in {"2023-01-01": first, "2023-01-08": [*first, *new]}.items():
        (tmp_path / f"salaries_{date}.csv").write_bytes(table(week))
    return tmp_path


@pytest.mark.parametrize("names", [FEW, *in_soak([name for name in CHANGES if name not in (OURS, *FEW)])])
def test_each_change_trains_and_changes_something(names, weekly):
    changes = {name: CHANGES[name] for name in (OURS, *names)}
    predictions = score_changes(weekly, datetime.date(2023, 1, 1), seeds=[1], changes=changes).predictions
    for name in names:
        assert predictions[name].shape == (1, 5)
        assert np.isfinite(predictions[name]).all()
        assert (predictions[name] != predictions[OURS]).any(), name
