from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.accuracy.coverage import coverage, coverage_table
from pipeline.backtest.forward import CutOff


class Bundle:
    """Predicts 100,000 for each row, give or take 10,000 (80 %) or 30,000 (95 %)."""

    encoder = SimpleNamespace(encode=lambda rows: {"rows": rows.num_rows})

    def predict(self, codes):
        return np.full(codes["rows"], 100_000.0)

    def interval(self, prediction, codes, *, percent):
        half = {80: 10_000, 95: 30_000}[percent]
        return prediction - half, prediction + half


def test_coverage_counts_the_rows_inside_and_leaves_small_levels_out():
    actual = [105_000] * 30 + [120_000] * 10 + [150_000] * 5
    levels = ["SE"] * 40 + ["EX"] * 5
    rows = pa.RecordBatch.from_pydict({"salary_in_usd": actual, "experience_level": levels})
    found = coverage(cast(Any, Bundle()), CutOff(Path(), rows, rows, rows), cells=np.arange(45))
    assert found["80 %"] == pytest.approx(100 * 30 / 45)
    assert found["95 %"] == pytest.approx(100 * 40 / 45)
    assert (found["80 %, by level"], found["95 %, by level"]) == ("75 to 75", "100 to 100")
    off, by_chance = str(found["80 %, levels off by over 6"]).split(" (by chance ")
    assert off == "0 of 1"
    assert 0.3 <= float(by_chance.rstrip(")")) <= 0.5  # 30 of 40 are off by over 6 points in 38 % of binomial draws
    low, high = map(int, str(found["80 %, by chance"]).split(" to "))
    assert 45 <= low < 67 < high <= 85  # the binomial interval of 30 of 45 is 51 to 80


def test_the_table_has_a_column_for_each_date_and_the_mean():
    table = coverage_table({"2024-01-01": {"80 %": 70.0, "note": "x"}, "2024-02-01": {"80 %": 80.0, "note": "y"}})
    assert table.splitlines()[2:] == ["| 80 % | 70.0 | 80.0 | 75.0 |", "| note | x | y |  |"]
