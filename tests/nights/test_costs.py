"""What the steps of a night cost: noted in time, kept through failures, compared with the nights before."""

import json
import time

import pytest

from pipeline.nights.costs import COSTS, step, unusual_costs
from pipeline.nights.night import NightEnded
from pipeline.nights.record import NightOutcome


def noted(folder):
    return json.loads((folder / COSTS).read_text())


def test_each_step_is_noted_with_its_seconds_and_the_largest_child_so_far(tmp_path):
    for name in ("fetch", "check"):
        with step(tmp_path, name):
            time.sleep(0.1)
    assert list(noted(tmp_path)) == ["fetch", "check"]
    assert all(0.1 <= cost["seconds"] < 60 for cost in noted(tmp_path).values())
    assert noted(tmp_path)["check"]["peak_mb"] >= noted(tmp_path)["fetch"]["peak_mb"]


def test_a_step_that_ends_the_night_is_noted_and_one_that_fails_is_not(tmp_path):
    with pytest.raises(NightEnded), step(tmp_path, "fetch"):
        raise NightEnded(NightOutcome.UNCHANGED, "no new data")
    with pytest.raises(OSError, match="full"), step(tmp_path, "check"):
        raise OSError("full")
    assert list(noted(tmp_path)) == ["fetch"]


def test_where_nothing_can_be_noted_the_step_is_done_all_the_same(tmp_path):
    with step(tmp_path / "gone", "fetch"):
        done = True
    assert done


def night(seconds, peak_mb=100.0):
    return {"retrain": {"seconds": seconds, "peak_mb": peak_mb}}


def test_a_step_is_unusual_above_three_times_the_median_of_five_nights():
    before = [night(seconds) for seconds in (10.0, 90.0, 100.0, 110.0, 5000.0)]
    assert unusual_costs(night(300.0), before) == []
    assert unusual_costs(night(301.0), before[1:]) == []
    assert unusual_costs(night(301.0), [*before, {"fetch": {"seconds": 1.0}}]) == [
        "retrain took 301 s, more than 3 times the median of 5 nights, 100 s"
    ]


def test_memory_counts_too_and_a_few_seconds_or_megabytes_more_do_not():
    before = [night(1.0)] * 6
    assert unusual_costs(night(60.0, peak_mb=356.0), before) == []
    assert unusual_costs(night(60.0, peak_mb=357.0), before) == [
        "retrain took 357 MB, more than 3 times the median of 6 nights, 100 MB"
    ]
