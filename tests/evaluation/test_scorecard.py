import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from pipeline.data.schema import FEATURES, TARGET, WORDS
from pipeline.evaluation.scorecard import (
    baseline_scores,
    check_finite,
    interval_scores,
    noise_floor_scores,
    prediction_scores,
    ratio_interval,
    row_counts,
)

PAIRS = st.lists(
    st.tuples(st.integers(1, 400_000), st.integers(1, 400_000)), min_size=2, max_size=40, unique_by=lambda pair: pair[1]
)


def test_scores_are_in_dollars_and_agree_with_each_other():
    actual, predicted = np.array([100.0, 200.0, 400.0]), np.array([110.0, 180.0, 400.0])
    found = prediction_scores(predicted, actual)
    assert found == {
        "mse_usd2": pytest.approx(500 / 3),
        "rmse_usd": pytest.approx(math.sqrt(500 / 3)),
        "mae_usd": pytest.approx(10.0),
        "r2": pytest.approx(r2_score(actual, predicted)),
    }


@given(PAIRS)
def test_doubling_all_dollars_doubles_the_errors_and_leaves_r2(pairs):
    predicted, actual = np.array(pairs, np.float64).T
    one, two = prediction_scores(predicted, actual), prediction_scores(2 * predicted, 2 * actual)
    assert two["rmse_usd"] == pytest.approx(2 * one["rmse_usd"], rel=1e-12)
    assert two == {**two, "mse_usd2": 4 * one["mse_usd2"], "mae_usd": 2 * one["mae_usd"], "r2": one["r2"]}


def split(levels, usd):
    return {"level": np.array(levels), TARGET: np.array(usd), "row_hash": np.arange(len(usd))}


def test_equal_rows_count_once_among_the_different_and_a_row_with_unknown_values_once():
    rows = {"level": np.array([0, 1, 1, 2]), "size": np.array([0, 1, 1, 0]), "row_hash": np.array([7, 8, 8, 9])}
    assert row_counts(rows, features=["level", "size"]) == {"rows": 4, "rows_distinct": 3, "rows_with_unknown": 2}
    assert row_counts(rows, features=["level"])["rows_with_unknown"] == 1


def test_what_could_be_explained_is_worked_out_by_hand():
    rows = split([1, 1, 2, 2, 3], [10, 30, 50, 70, 900])  # floor 200, variance 500 without the row that is alone
    found = noise_floor_scores(np.array([20.0, 20.0, 60.0, 60.0, 0.0]), rows, columns=["level"])
    assert found == {
        "floor_usd2": 200.0,
        "floor_low_usd2": 200.0,
        "floor_rows_share": 0.8,
        "mse_over_floor": 100 / 200,
        "explained_of_explainable": (500 - 100) / (500 - 200),
    }


def test_the_mean_explains_nothing_of_what_can_be_explained():
    rows = split([1, 1, 2, 2], [10, 30, 50, 70])
    assert noise_floor_scores(np.full(4, 40.0), rows, columns=["level"])["explained_of_explainable"] == 0.0


def test_what_the_rows_are_too_few_to_say_is_left_out():
    prediction = np.array([20.0, 20.0])
    assert noise_floor_scores(prediction, split([1, 2], [10, 30]), columns=["level"]) == {"floor_rows_share": 0.0}
    noise = noise_floor_scores(
        prediction, split([1, 1], [10, 30]), columns=["level"]
    )  # the floor is above the variance
    assert noise == {"floor_usd2": 200.0, "floor_low_usd2": 200.0, "floor_rows_share": 1.0, "mse_over_floor": 0.5}


def test_a_floor_of_zero_has_no_multiple():
    found = noise_floor_scores(np.array([20.0, 20.0, 20.0]), split([1, 1, 2], [10, 10, 30]), columns=["level"])
    assert found["floor_usd2"] == 0.0
    assert "mse_over_floor" not in found


def test_the_interval_of_a_ratio_holds_it_and_is_wider_for_fewer_cells():
    errors, others = np.random.default_rng(1).normal(0, [[3e4], [4e4]], (2, 2000))
    ratio = (errors**2).mean() / (others**2).mean()
    low, high = ratio_interval(errors, others, cells=np.arange(2000))
    wide_low, wide_high = ratio_interval(errors, others, cells=np.arange(2000) // 50)
    assert wide_low < ratio < wide_high
    assert low < ratio < high < 1
    assert ratio_interval(errors, errors, cells=np.arange(2000)) == (1.0, 1.0)


def test_the_baselines_are_the_training_mean_the_cell_mean_and_ridge():
    sizes = {"level": 4} | dict.fromkeys(WORDS, 2)
    train = split([1, 1, 2, 2], [10, 20, 60, 70])
    splits = {"train": train, "valid": split([1, 2], [15, 65]), "test": split([2, 1, 3], [41, 15, 40])}
    splits["test"] |= dict.fromkeys(FEATURES, splits["test"]["level"])
    model = np.array([50.0, 20.0, 40.0])
    scores = baseline_scores(model, splits, columns=["level"], sizes=sizes)
    ratio, low, high = (scores.pop(f"mse_over_ridge{end}") for end in ("", "_low", "_high"))
    predictions = {
        "mean": [40, 40, 40],
        "cell_mean": [65, 15, 40],
        "ridge": [40 + 25 * 2 / 3, 40 - 25 * 2 / 3, 40],  # penalty 1: two rows of three
    }
    expected = {name: prediction_scores(np.array(each), splits["test"][TARGET]) for name, each in predictions.items()}
    assert scores == pytest.approx(
        {f"{name}_{score}": expected[name][score] for name in expected for score in expected[name]}
    )
    assert ratio == (9**2 + 5**2) / 3 / scores["ridge_mse_usd2"]
    assert low <= ratio <= high
    assert (scores["mean_mae_usd"], scores["cell_mean_mae_usd"]) == pytest.approx((26 / 3, 24 / 3))


def test_interval_scores_count_the_ends_as_inside_and_the_lowest_tenth_apart():
    intervals = {80: (np.array([0.0, 10.0, 5.0]), np.array([10.0, 30.0, 6.0]))}
    found = interval_scores(np.array([6.0, 5.0, 7.0]), intervals, np.array([10, 9, 5]))
    assert found == {
        "coverage80": pytest.approx(2 / 3),
        "coverage80_lowest_tenth": 0.0,  # of three rows the one with the lowest prediction, 5
        "width80_usd": pytest.approx(31 / 3),
    }


def test_a_metric_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match=r"metrics must be finite, found test_r2 = nan"):
        check_finite({"test_r2": math.nan, "test_rows": 3})
