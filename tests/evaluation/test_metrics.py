import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.metrics import mean_squared_error, r2

ORACLES = [
    (mean_squared_error, sklearn.metrics.mean_squared_error),
    (r2, sklearn.metrics.r2_score),
]
DOLLARS = st.floats(1, 1e7)


@pytest.mark.parametrize(("ours", "oracle"), ORACLES)
@given(
    pairs=st.lists(st.tuples(DOLLARS, st.integers(1, 10**7)), min_size=2, max_size=50, unique_by=lambda pair: pair[1])
)
def test_a_metric_is_that_of_scikit_learn(ours, oracle, pairs):
    prediction, target = np.array(pairs, np.float64).T
    assert ours(prediction, target) == pytest.approx(oracle(target, prediction), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("metric", [metric for metric, _ in ORACLES])
@given(
    pairs=st.lists(st.tuples(DOLLARS, DOLLARS), min_size=2, max_size=20, unique_by=lambda pair: pair[1]), data=st.data()
)
def test_the_order_of_the_rows_leaves_no_trace(metric, pairs, data):
    shuffled = data.draw(st.permutations(pairs))
    assert metric(*np.array(pairs).T) == metric(*np.array(shuffled).T)


@pytest.mark.parametrize("metric", [metric for metric, _ in ORACLES])
def test_a_column_against_a_row_is_refused_not_broadcast(metric):
    with pytest.raises(ValueError, match=r"must be \(rows,\), found \(3, 1\) and \(3,\)"):
        metric(np.ones((3, 1)), np.arange(3.0))


@pytest.mark.parametrize("metric", [metric for metric, _ in ORACLES])
def test_no_rows_have_no_metric(metric):
    with pytest.raises(ValueError, match=r"must be \(rows,\), found \(0,\) and \(0,\)"):
        metric(np.array([]), np.array([]))


@pytest.mark.parametrize("metric", [metric for metric, _ in ORACLES])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_an_error_not_a_metric(metric, wrong):
    with pytest.raises(ValueError, match="must be finite, found NaN or infinity"):
        metric(np.array([1.0, wrong]), np.array([1.0, 2.0]))


@pytest.mark.parametrize("value", [0.1, 150_000.0])
def test_a_constant_target_has_no_r2(value):
    with pytest.raises(ValueError, match=f"R2 needs a target that varies, found 3 rows of {value}"):
        r2(np.array([1.0, 2.0, 3.0]), np.full(3, value))


def test_float32_is_summed_in_double_precision():
    prediction = np.array([1e6, 1.0], np.float32)
    assert mean_squared_error(prediction, np.zeros(2, np.float32)) == (1e12 + 1) / 2
