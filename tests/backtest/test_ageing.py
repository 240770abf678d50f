"""How models age, by hand; the correlation against numpy's own."""

import datetime

import numpy as np
import pytest

from pipeline.backtest.ageing import (
    AGES,
    BLOCK,
    LEAST_BLOCKS,
    Estimate,
    NewRows,
    blocks,
    by_age,
    foretold,
    models_to_score,
    newest,
    rank_correlation,
    ranks,
    ratio_of_sums,
)

START = datetime.date(2026, 1, 1)


def interval_of(estimate):
    assert estimate.interval is not None
    return estimate.interval


def week(number):
    return START + datetime.timedelta(weeks=number)


def test_the_newest_model_of_an_age_is_as_old_to_the_day_or_older():
    models = [week(0), week(1), week(3)]
    assert newest(models, week(5), weeks=4) == week(1)
    assert newest(models, week(5) - datetime.timedelta(days=1), weeks=4) == week(0)
    assert newest(models, week(3), weeks=4) is None


def test_scored_are_the_newest_of_each_age_and_all_of_the_last_four_weeks():
    models = {week(number) for number in range(40)}
    assert models_to_score(models, week(40)) == {week(40 - age) for age in (1, 2, 3, 4, 12, 26)}
    assert models_to_score({week(0)}, week(40)) == {week(0)}


def nights():
    """Three nights, on which the first week's model has once, three and five times the champion's error."""
    return [
        NewRows(week(1), 10, 100.0, {week(0): 100.0}),
        NewRows(week(4), 30, 100.0, {week(0): 300.0, week(3): 100.0}),
        NewRows(week(6), 10, 200.0, {week(0): 1000.0, week(2): 500.0, week(4): 400.0}),
    ]


def test_errors_by_age_are_sums_over_all_rows_against_the_champions_on_the_same():
    one, four = by_age(nights())
    assert (one.weeks, four.weeks) == AGES[:2]
    # ages 1, 1, 2 weeks: (10·100 + 30·100 + 10·400) / (10·100 + 30·100 + 10·200) = 8000 / 6000
    assert [one.mean_weeks, one.rows, one.ratio.value] == pytest.approx([4 / 3, 50, 8 / 6])
    # ages 4 and 4 weeks, the first night's none: (30·300 + 10·500) / (30·100 + 10·200) = 14000 / 5000
    assert (four.mean_weeks, four.rows, four.ratio) == (4.0, 40, Estimate(2.8, 2, None))
    assert by_age([]) == []


def test_a_score_is_held_against_all_rows_of_the_four_weeks_to_come():
    later = [
        NewRows(week(1), 10, 1.0, {week(0): 400.0}),
        NewRows(week(2), 30, 1.0, {week(0): 100.0, week(1): 100.0}),
        NewRows(week(5), 99, 1.0, {week(0): 1e9, week(1): 300.0, week(4): 1.0}),
        NewRows(week(6), 99, 1.0, {week(4): 1e9}),
    ]
    # later errors: (10·400 + 30·100) / 40 = 175, and (30·100 + 99·300) / 129 = 253; the third model's is not known yet
    assert foretold(later, {week(0): 5.0, week(1): 6.0, week(4): 0.0}) == Estimate(1.0, 2, None)
    assert foretold(later, {week(0): 6.0, week(1): 5.0}) == Estimate(-1.0, 2, None)


def test_what_one_model_or_equal_scores_foretell_is_not_known():
    later = [NewRows(week(4), 1, 1.0, {week(0): 1.0}), NewRows(week(5), 1, 1.0, {week(1): 2.0})]
    assert foretold(later, {week(0): 1.0}) is None
    assert foretold(later, {week(0): 1.0, week(1): 1.0}) is None
    assert foretold([], {week(0): 1.0}) is None


def test_blocks_begin_at_the_first_date():
    assert blocks([week(0), week(BLOCK) - datetime.timedelta(days=1), week(BLOCK), week(3 * BLOCK)]).tolist() == [
        *(0, 0, 1, 3)
    ]


def test_the_rank_correlation_is_that_of_numpy_on_ranks():
    rng = np.random.default_rng(1)
    one, noise = rng.integers(20, size=50).astype(float), rng.normal(size=50)  # some are equal
    other = np.exp(one / 10 + noise)
    found = rank_correlation(one, other, blocks=np.arange(50) // 5)
    assert found.value == pytest.approx(np.corrcoef(ranks(one), ranks(other))[0, 1])
    assert found.value == rank_correlation(one, np.log(other), blocks=np.arange(50)).value
    below, above = interval_of(found)
    assert -1 < below < found.value < above < 1


def test_ranks_are_the_order_of_different_values():
    values = np.random.default_rng(1).permutation(30).astype(float)
    assert ranks(values).tolist() == (values + 1).tolist()


def test_the_interval_holds_the_standard_errors_of_whole_blocks():
    rng = np.random.default_rng(1)
    theirs, numbers = np.ones(400), np.arange(400) // 4
    ours = 1.2 + np.repeat(rng.normal(size=100), 4) / 5  # neighbours are equal: a hundred draws, not four hundred
    found = ratio_of_sums(ours, theirs, blocks=numbers)
    low, high = interval_of(found)
    assert (low, high) == pytest.approx(ours.mean() + np.array([-1.96, 1.96]) * ours[::4].std() / 10, abs=0.005)
    below, above = interval_of(ratio_of_sums(ours, theirs, blocks=np.arange(400)))
    assert above - below == pytest.approx((high - low) / 2, rel=0.1)


def test_there_is_an_interval_from_eight_blocks_on():
    values = np.arange(1.0, LEAST_BLOCKS + 1)
    assert ratio_of_sums(values, values, blocks=values).interval == pytest.approx((1.0, 1.0))
    assert ratio_of_sums(values[1:], values[1:], blocks=values[1:]).interval is None
    assert np.isnan(rank_correlation(values, np.ones_like(values), blocks=values).value)


def test_an_estimate_is_beyond_what_its_interval_does_not_hold():
    assert Estimate(1.2, 9, (1.1, 1.3)).beyond(1.0) == 1
    assert Estimate(0.8, 9, (0.7, 0.9)).beyond(1.0) == -1
    assert Estimate(1.2, 9, (0.9, 1.5)).beyond(1.0) == Estimate(1.2, 9, None).beyond(1.0) == 0
