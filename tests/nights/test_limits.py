import datetime

import pytest

from pipeline import params
from pipeline.nights.drift import Measure, TableDrift, judge
from pipeline.nights.limits import limited, near_limits, nearest_limit
from tests.support.work_tree import ROOT

LIMITS = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").drift


def judged(*measures, **warn):
    limits = LIMITS.model_copy(update={"warn": LIMITS.warn.model_copy(update=warn)})
    return judge(measures, limits=limits)


@pytest.mark.parametrize(
    ("measure", "used"),
    [
        (Measure("rows_gone", "", 0.01), 0.5),
        (Measure("unseen_values", "job_title", 0.3, least=0.12), 0.8),  # only what is beyond chance counts
        (Measure("new_rows_error", "", 1.3, least=1.05), 0.25),  # it is 1 if nothing changes, and warns above 1.2
        (Measure("new_rows_error", "", 0.9, least=0.8), 0.0),
        (Measure("rows_gone", "", 1.0), 10.0),
    ],
)
def test_it_is_told_how_much_of_its_limit_a_measure_uses(measure, used):
    (found,) = limited(judged(measure))
    assert found.used == pytest.approx(used)


def test_a_measure_without_a_warning_limit_uses_that_which_stops():
    (found,) = limited(judged(Measure("rows_gone", "", 0.15), rows_gone=None))
    assert (found.warn, found.stop) == (None, 0.2)
    assert found.used == pytest.approx(0.75)


def test_the_way_of_many_nights_warns_where_it_would_have_stopped_one():
    (found,) = limited(judged(Measure("target_mean", "salary_in_usd", 0.24, since=datetime.date(2026, 1, 31))))
    assert (found.warn, found.stop, found.verdict) == (0.3, None, "at 80 % of the limit")


def test_a_measure_without_limits_uses_none_and_is_never_near():
    drift = judged(Measure("bias_over_nights", "", 99.0), bias_over_nights=None)
    assert limited(drift)[0].used is None
    assert not near_limits(drift)
    assert nearest_limit(drift) is None


@pytest.mark.parametrize(("value", "used"), [(0.0, 0.0), (0.001, 10.0)])
def test_of_a_limit_of_zero_any_change_is_beyond_it(value, used):
    (found,) = limited(judged(Measure("rows_gone", "", value), rows_gone=0.0))
    assert found.used == used


def test_those_that_stop_come_first_then_those_that_use_most_and_far_ones_are_left_out():
    far, near = Measure("rows_added", "", 0.1), Measure("target_mean", "salary_in_usd", 0.085)
    warns, stops = Measure("stability_index", "work_year", 0.5), Measure("rows_gone", "", 0.21)
    found = near_limits(judged(far, near, warns, stops))
    assert [(one.measure, one.verdict) for one in found] == [
        (stops, "beyond the stop limit"),
        (warns, "beyond the warning limit"),
        (near, "at 85 % of the limit"),
    ]


def test_a_drift_whose_limits_are_not_known_says_what_is_beyond_them():
    measure = Measure("rows_gone", "", 0.21)
    (found,) = near_limits(TableDrift([measure], [measure]))
    assert (found.warn, found.used, found.verdict) == (None, None, "beyond the warning limit")


def test_shares_are_written_in_percent_and_indices_are_not():
    share, index = limited(judged(Measure("rows_gone", "", 0.0123), Measure("stability_index", "work_year", 0.0123)))
    assert (share.text(0.0123), share.text(None), index.text(0.0123)) == ("1.23 %", "none", "0.0123")
