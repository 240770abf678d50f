import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score

from pipeline.data.schema import TARGET
from pipeline.evaluation.metrics import mean_squared_error, r2
from pipeline.evaluation.noise_floor import CellTotals
from pipeline.evaluation.scorecard import (
    baseline_scores,
    check_finite,
    interval_scores,
    noise_floor_scores,
    prediction_scores,
    ratio_interval,
    row_counts,
)
from pipeline.evaluation.sorted_rows import SortedRows
from tests.support.splits import file_of, in_blocks, in_cells

PAIRS = st.lists(
    st.tuples(st.integers(1, 400_000), st.integers(1, 400_000)), min_size=2, max_size=40, unique_by=lambda pair: pair[1]
)


def scores(predicted, actual, *, size=100):
    """The scores of rows of which each is a cell of its own."""
    blocks = in_blocks({"cell": np.arange(len(actual)), TARGET: np.asarray(actual)}, size)
    return prediction_scores(blocks, np.asarray(predicted, np.float64))


def test_scores_are_in_dollars_and_agree_with_each_other():
    actual, predicted = np.array([100.0, 200.0, 400.0]), np.array([110.0, 180.0, 400.0])
    assert scores(predicted, actual) == {
        "mse_usd2": pytest.approx(500 / 3),
        "rmse_usd": pytest.approx(math.sqrt(500 / 3)),
        "mae_usd": pytest.approx(10.0),
        "r2": pytest.approx(r2_score(actual, predicted)),
    }


@given(PAIRS)
def test_doubling_all_dollars_doubles_the_errors_and_leaves_r2(pairs):
    predicted, actual = np.array(pairs, np.float64).T
    one, two = scores(predicted, actual), scores(2 * predicted, 2 * actual)
    assert two["rmse_usd"] == pytest.approx(2 * one["rmse_usd"], rel=1e-12)
    assert two == {**two, "mse_usd2": 4 * one["mse_usd2"], "mae_usd": 2 * one["mae_usd"], "r2": one["r2"]}


@given(PAIRS, st.integers(1, 9), st.randoms(use_true_random=False))
def test_scores_are_those_of_all_rows_at_once_to_the_last_bit_in_blocks_of_any_size_and_order(pairs, size, random):
    predicted, actual = np.array(random.sample(pairs, len(pairs))).T / 7
    found = scores(predicted, actual, size=size)
    assert found["mse_usd2"] == mean_squared_error(*np.array(pairs).T / 7)
    assert found["r2"] == r2(*np.array(pairs).T / 7)
    assert found["mae_usd"] == pytest.approx(mean_absolute_error(actual, predicted))


@pytest.mark.parametrize("value", [0.1, 150_000.0])
def test_a_constant_target_has_no_r2(value):
    with pytest.raises(ValueError, match=f"R2 needs a target that varies, found 3 rows of {value:g}"):
        scores([1, 2, 3], [value] * 3, size=2)


def split(levels, usd, *, size=100, **more):
    """Rows in the order of their hashes, whose cells are the levels, and what their totals tell."""
    columns, cells = in_cells({"level": np.array(levels), **more}, ["level"], into="cell")
    columns |= {TARGET: np.array(usd), "row_hash": np.arange(len(usd))}
    blocks = in_blocks(columns, size)
    return blocks, cells, CellTotals.of(blocks, cells=len(cells))


def floor_scores(predicted, levels, usd):
    """The scores of predictions by cell."""
    blocks, _, totals = split(levels, usd, size=2)
    return noise_floor_scores(blocks, np.array(predicted, np.float64), totals)


def test_equal_rows_count_once_among_the_different_and_a_row_with_unknown_values_once():
    codes = {"level": np.array([0, 1, 1, 2]), "size": np.array([0, 1, 1, 0])}
    rows, cells = in_cells(
        codes | {"row_hash": np.array([7, 8, 8, 9]), TARGET: np.zeros(4)}, ["level", "size"], into="cell"
    )
    totals = CellTotals.of([rows], cells=len(cells))
    counts = row_counts(cells, totals, features=["level", "size"])
    assert counts == {"rows": 4, "rows_distinct": 3, "rows_with_unknown": 2}
    assert row_counts(cells, totals, features=["level"])["rows_with_unknown"] == 1


def test_what_could_be_explained_is_worked_out_by_hand():
    # the floor is 200, the variance 500 without the row that is alone
    assert floor_scores([20, 60, 0], [1, 1, 2, 2, 3], [10, 30, 50, 70, 900]) == {
        "floor_usd2": 200.0,
        "floor_low_usd2": 200.0,
        "floor_rows_share": 0.8,
        "mse_over_floor": 100 / 200,
        "explained_of_explainable": (500 - 100) / (500 - 200),
    }


def test_the_mean_explains_nothing_of_what_can_be_explained():
    assert floor_scores([40, 40], [1, 1, 2, 2], [10, 30, 50, 70])["explained_of_explainable"] == 0.0


def test_what_the_rows_are_too_few_to_say_is_left_out():
    assert floor_scores([20, 20], [1, 2], [10, 30]) == {"floor_rows_share": 0.0}
    noise = floor_scores([20], [1, 1], [10, 30])  # the floor is above the variance
    assert noise == {"floor_usd2": 200.0, "floor_low_usd2": 200.0, "floor_rows_share": 1.0, "mse_over_floor": 0.5}


def test_a_floor_of_zero_has_no_multiple():
    found = floor_scores([20, 20], [1, 1, 2], [10, 10, 30])
    assert found["floor_usd2"] == 0.0
    assert "mse_over_floor" not in found


def test_the_interval_of_a_ratio_holds_it_and_is_wider_for_fewer_cells():
    errors, others = np.random.default_rng(1).normal(0, [[3e4], [4e4]], (2, 2000))
    ratio = (errors**2).mean() / (others**2).mean()
    numbers = np.arange(2000)
    low, high = ratio_interval([(errors, others, numbers)], cells=2000)
    wide_low, wide_high = ratio_interval([(errors, others, numbers // 50)], cells=40)
    assert wide_low < ratio < wide_high
    assert low < ratio < high < 1
    halves = [(errors[:900], others[:900], numbers[:900]), (errors[900:], others[900:], numbers[900:])]
    assert ratio_interval(halves, cells=2000) == (low, high)
    assert ratio_interval([(errors, errors, numbers)], cells=2000) == (1.0, 1.0)


def test_the_baselines_are_the_training_mean_the_cell_mean_and_ridge(tmp_path):
    sizes = {"level": 4}
    levels = {"train": [1, 1, 2, 2], "valid": [1, 2], "test": [2, 1, 3]}
    usd = {"train": [10, 20, 60, 70], "valid": [15, 65], "test": [41, 15, 40]}
    model = np.array([50.0, 20.0, 40.0])
    splits, totals = {}, {}
    for name in levels:
        (rows,), cells, totals[name] = split(levels[name], usd[name])
        file = file_of(tmp_path / name, rows | {"feature_cell": rows["cell"]})
        splits[name] = SortedRows(file, cells, model)
    found = baseline_scores(splits, totals["train"], sizes=sizes, feature_cells=3)
    ratio, low, high = (found.pop(f"mse_over_ridge{end}") for end in ("", "_low", "_high"))
    predictions = {
        "mean": [40, 40, 40],
        "cell_mean": [65, 15, 40],
        "ridge": [40 + 25 * 2 / 3, 40 - 25 * 2 / 3, 40],  # penalty 1: two rows of three
    }
    expected = {name: scores(each, usd["test"]) for name, each in predictions.items()}
    assert found == pytest.approx(
        {f"{name}_{score}": expected[name][score] for name in expected for score in expected[name]}
    )
    assert ratio == (9**2 + 5**2) / 3 / found["ridge_mse_usd2"]
    assert low <= ratio <= high
    assert (found["mean_mae_usd"], found["cell_mean_mae_usd"]) == pytest.approx((26 / 3, 24 / 3))


def test_interval_scores_count_the_ends_as_inside_and_the_lowest_tenth_apart():
    ends = {5.0: (10.0, 30.0), 6.0: (0.0, 10.0), 7.0: (5.0, 6.0)}

    def intervals(rows):
        low, high = np.array([ends[predicted] for predicted in rows["predicted"]]).T
        return {80: (low, high)}

    rows = {"predicted": np.array([6.0, 5.0, 7.0]), TARGET: np.array([10, 9, 5])}
    for size in (1, 2, 3):
        assert interval_scores(in_blocks(rows, size), intervals, lowest=5.2) == {
            "coverage80": pytest.approx(2 / 3),
            "coverage80_lowest_tenth": 0.0,  # of three rows the one with the lowest prediction, 5
            "width80_usd": pytest.approx(31 / 3),
        }


def test_a_metric_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match=r"metrics must be finite, found test_r2 = nan"):
        check_finite({"test_r2": math.nan, "test_rows": 3})
