import numpy as np
import pytest

from pipeline.backtest.error_ratio import Pair, Ratio, error_ratio, geometric_mean, ratios


def draws(errors, others, groups):
    return ratios(Pair(errors, others, groups), rng=np.random.default_rng(0))


def test_a_method_compared_with_itself_has_no_interval():
    errors = np.arange(1.0, 9.0)
    assert error_ratio([Pair(errors, errors, np.arange(8) // 2)]) == Ratio(1.0, 1.0, 1.0)


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    errors = np.random.default_rng(7).uniform(1, 3, 400)
    found = error_ratio([Pair(errors, np.ones(400), np.arange(400))])
    assert found.value == pytest.approx(errors.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * errors.std() / 20, rel=0.05)


def test_copies_in_a_group_do_not_narrow_the_interval():
    errors, others = np.random.default_rng(7).uniform(1, 3, (2, 60))
    once = draws(errors, others, np.arange(60))
    copied = draws(np.repeat(errors, 5), np.repeat(others, 5), np.repeat(np.arange(60), 5))
    assert copied == pytest.approx(once)


def test_of_several_tables_each_counts_once_however_many_rows_it_has():
    twice, half = (Pair(np.full(rows, error), np.ones(rows), np.arange(rows)) for rows, error in ((3, 2.0), (50, 0.5)))
    assert error_ratio([twice, half]).value == pytest.approx(1.0)


def test_a_ratio_and_its_inverse_cancel_in_the_mean():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("low", "high", "smaller", "larger"), [(0.8, 0.99, True, False), (0.9, 1.1, False, False), (1.01, 1.2, False, True)]
)
def test_an_interval_that_holds_one_is_within_chance(low, high, smaller, larger):
    ratio = Ratio((low + high) / 2, low, high)
    assert (ratio.smaller, ratio.larger) == (smaller, larger)


def test_a_ratio_is_shown_with_its_interval():
    assert str(Ratio(0.98765, 0.97, 1.0)) == "0.988 (0.970–1.000)"
