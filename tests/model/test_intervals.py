import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.schema import LARGEST, SMALLEST
from pipeline.model import intervals as module
from pipeline.model.intervals import PERCENTS, PRIOR_ROWS, WIDENING, Intervals, PredictedRows, calibrate, quantile


@pytest.fixture
def today(monkeypatch):
    """Intervals for rows of the same day: what conformal prediction promises is about those alone."""
    monkeypatch.setattr(module, "WIDENING", 1.0)


def survey(rows, *, seed):
    """Salaries of four levels whose errors are skewed, grow with the prediction, and are wider for juniors."""
    random = np.random.default_rng(seed)
    group = random.choice([1, 2, 3, 4], rows, p=[0.1, 0.25, 0.6, 0.05])
    prediction = 30_000.0 + 40_000 * group + random.uniform(-20_000, 20_000, rows)
    share = np.array([0, 0.5, 0.35, 0.3, 0.4])[group] * (random.gamma(3, 1 / 3, rows) - 1)
    return PredictedRows(prediction, prediction * (1 + share), group)


def inside(intervals, rows, percent):
    low, high = intervals.around(rows.prediction, group=rows.group, percent=percent)
    return (low <= rows.actual) & (rows.actual <= high)


@given(st.integers(1, 300), st.floats(0.5, 0.99))
def test_the_quantile_is_the_first_rank_that_a_new_score_reaches_often_enough(count, level):
    rank = quantile(np.arange(1.0, count + 1), level)
    if math.isinf(rank):
        assert count / (count + 1) < level
    else:
        assert (rank - 1) / (count + 1) < level + 1e-8
        assert rank / (count + 1) >= level - 1e-8


def test_the_quantile_knows_no_order():
    assert quantile(np.array([3.0, 1.0, 2.0, 9.0]), 0.8) == 9.0


def test_the_shares_and_the_quantiles_are_those_worked_out_by_hand():
    train = PredictedRows(np.full(60, 100_000.0), np.repeat([115_000, 145_000], 30), np.repeat([1, 2], 30))
    actual = 100_000 + 1_500 * np.arange(1, 40)  # 39 rows of group 1, errors from 1 to 39 % of prediction and offset
    intervals = calibrate(train=train, valid=PredictedRows(np.full(39, 1e5), actual, np.ones(39, int)), groups=4)
    mean = 0.2
    assert intervals.offset == 50_000
    assert intervals.shares == pytest.approx([mean, (0.1 + mean) / 2, (0.3 + mean) / 2, mean])
    # the 36th and the 39th of 40 ranks at either end
    expected = {80: [-0.04 / 0.15, 0.36 / 0.15], 95: [-0.01 / 0.15, 0.39 / 0.15]}
    assert {percent: [end / WIDENING for end in ends] for percent, ends in intervals.quantiles.items()} == {
        percent: pytest.approx(ends) for percent, ends in expected.items()
    }


@pytest.mark.usefixtures("today")
@pytest.mark.parametrize("percent", PERCENTS)
def test_the_intervals_cover_what_they_say_overall_and_in_every_group(percent):
    covered: dict[int, list[float]] = {group: [] for group in range(5)}  # 0: all
    for seed in range(40):
        train, valid, test = (survey(rows, seed=3 * seed + part) for part, rows in enumerate((3000, 600, 2000)))
        hit = inside(calibrate(train=train, valid=valid, groups=5), test, percent)
        for group, found in covered.items():
            found.append(hit[test.group == group].mean() if group else hit.mean())
    for group, found in covered.items():
        assert 100 * np.mean(found) == pytest.approx(percent, abs=2 if group else 1)


@pytest.mark.usefixtures("today")
def test_both_tails_are_even():
    train, valid, test = (survey(20_000, seed=seed) for seed in (1, 2, 3))
    intervals = calibrate(train=train, valid=valid, groups=5)
    low, high = intervals.around(test.prediction, group=test.group, percent=80)
    assert (test.actual < low).mean() == pytest.approx(0.1, abs=0.01)
    assert (test.actual > high).mean() == pytest.approx(0.1, abs=0.01)


def test_a_group_with_few_rows_stays_near_the_share_of_all():
    train = survey(3000, seed=4)
    few = PredictedRows(
        np.append(train.prediction, 1e5), np.append(train.actual, 9e5), np.append(train.group, 0)
    )  # one row of group 0, eight times as large as predicted
    intervals = calibrate(train=few, valid=train, groups=5)
    shares, share = intervals.shares, 8e5 / (1e5 + intervals.offset)
    assert shares[0] == pytest.approx((share + PRIOR_ROWS * np.average(shares[1:])) / (PRIOR_ROWS + 1), rel=0.2)


def test_too_few_validation_rows_know_nothing_but_the_contract():
    train, valid = survey(100, seed=5), survey(38, seed=6)
    intervals = calibrate(train=train, valid=valid, groups=5)
    low, high = intervals.around(valid.prediction, group=valid.group, percent=95)
    assert (set(low), set(high)) == ({1.0}, {10_000_000.0})
    assert intervals.uncalibrated == (95,)
    assert inside(intervals, valid, 80).mean() < 1


shares, ends = st.floats(1e-12, 10), st.floats(-5, 5) | st.just(math.inf)


@given(
    st.lists(shares, min_size=1, max_size=4),
    st.floats(0, 1e6),
    st.lists(st.tuples(ends, ends).map(sorted), min_size=2, max_size=2),
    st.lists(st.floats(SMALLEST, LARGEST), min_size=1, max_size=20),
)
def test_a_prediction_lies_within_its_intervals_the_narrower_within_the_wider(shares, offset, ends, predictions):
    intervals = Intervals(tuple(shares), offset, {80: (ends[0][0], ends[1][0]), 95: (ends[0][1], ends[1][1])})
    prediction, group = np.array(predictions), np.arange(len(predictions)) % len(shares)
    (low80, high80), (low95, high95) = (intervals.around(prediction, group=group, percent=p) for p in PERCENTS)
    ordered = np.stack([np.full(len(group), SMALLEST), low95, low80, prediction, high80, high95, low80 * 0 + LARGEST])
    assert (np.diff(ordered, axis=0) >= 0).all()
    assert (low80 + 1 <= high80).all()
    assert all((end == np.rint(end)).all() for end in (low80, high80, low95, high95))


def test_the_intervals_survive_json():
    intervals = calibrate(train=survey(100, seed=9), valid=survey(38, seed=10), groups=5)
    assert any(math.isinf(end) for ends in intervals.quantiles.values() for end in ends)
    assert Intervals.from_dict(json.loads(json.dumps(intervals.to_dict(), allow_nan=False))) == intervals


def test_the_order_of_the_rows_leaves_no_trace():
    def backwards(rows):
        return PredictedRows(rows.prediction[::-1], rows.actual[::-1], rows.group[::-1])

    train, valid = survey(300, seed=11), survey(100, seed=12)
    there = calibrate(train=backwards(train), valid=backwards(valid), groups=5)
    assert there == calibrate(train=train, valid=valid, groups=5)


def test_a_model_without_any_error_is_not_taken_for_certain():
    perfect = PredictedRows(np.full(50, 1e5), np.full(50, 1e5), np.ones(50, int))
    intervals = calibrate(train=perfect, valid=perfect, groups=2)
    low, high = intervals.around(np.array([7e4]), group=np.array([1]), percent=95)
    assert (low.tolist(), high.tolist()) == ([69_999.0], [70_001.0])


@pytest.mark.usefixtures("today")
@pytest.mark.parametrize("percent", PERCENTS)
def test_low_predictions_are_covered_as_often_as_all_where_errors_shrink_less_than_they(percent):
    def rows(count, seed):
        random = np.random.default_rng(seed)
        prediction = random.lognormal(11.5, 0.5, count)
        error = np.sqrt(prediction * 1e5) * 0.3 * (random.gamma(3, 1 / 3, count) - 1)
        return PredictedRows(prediction, prediction + error, np.ones(count, int))

    intervals, test = calibrate(train=rows(5000, 1), valid=rows(5000, 2), groups=2), rows(20_000, 3)
    lowest = test.prediction <= np.quantile(test.prediction, 0.1)
    hit = inside(intervals, test, percent)
    assert 100 * hit[lowest].mean() == pytest.approx(percent, abs=4)
