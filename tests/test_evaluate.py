import json
import math

import numpy as np
import pytest
from sklearn.metrics import r2_score

from pipeline.evaluate import baselines, check_finite, histogram, scatter, scores
from pipeline.schema import TARGET


def table(**columns):
    return {name: np.array(values) for name, values in columns.items()}


def test_scores_are_in_dollars_and_agree_with_each_other():
    actual, predicted = np.array([100.0, 200.0, 400.0]), np.array([110.0, 180.0, 400.0])
    found = scores(predicted, actual)
    assert found == {
        "mse_usd2": pytest.approx(500 / 3),
        "rmse_usd": pytest.approx(math.sqrt(500 / 3)),
        "mae_usd": pytest.approx(10.0),
        "r2": pytest.approx(r2_score(actual, predicted)),
    }


def test_the_baselines_are_the_training_mean_and_the_mean_of_the_cell():
    train = table(level=[1, 1, 2], size=[1, 1, 1], **{TARGET: [10, 20, 60]})
    test = table(level=[2, 1], size=[1, 1], **{TARGET: [0, 0]})
    found = baselines(train, test, cells=["level", "size"])
    assert found["mean"].tolist() == [30.0, 30.0]
    assert found["cell_mean"].tolist() == [60.0, 15.0]


def test_a_cell_without_training_rows_gets_the_training_mean():
    train = table(level=[1, 1, 2], **{TARGET: [10, 20, 60]})
    assert baselines(train, table(level=[3]), cells=["level"])["cell_mean"].tolist() == [30.0]


def test_baselines_keep_the_order_of_the_test_rows():
    train = table(level=[2, 1, 3], **{TARGET: [20, 10, 30]})
    test = table(level=[3, 1, 2, 3, 1])
    assert baselines(train, test, cells=["level"])["cell_mean"].tolist() == [30.0, 10.0, 20.0, 30.0, 10.0]


def test_the_scatter_takes_the_rows_with_the_smallest_hashes_and_shows_whole_dollars():
    split = table(row_hash=np.arange(3000, dtype=np.uint64)[::-1], **{TARGET: np.arange(3000)})
    drawn = scatter(np.arange(3000) + 0.4, split)
    assert len(drawn) == 1000
    assert sorted(drawn["actual_usd"]) == list(range(2000, 3000))
    assert (drawn["predicted_usd"] == drawn["actual_usd"]).all()


def test_the_histogram_holds_every_row_once():
    residuals = np.array([0.0, 4_999.0, -5_001.0, 1e9, -1e9, 195_001.0])
    counted = histogram(residuals).set_index("residual_usd")["rows"]
    assert counted[counted > 0].to_dict() == {-200_000: 1, -10_000: 1, 0: 2, 200_000: 2}


def test_a_metric_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match=r"metrics must be finite, found test_r2 = nan"):
        check_finite({"test_r2": math.nan, "test_rows": 3})


def test_the_committed_metrics_are_flat_finite_numbers_with_rows_of_every_split():
    for name in ("course", "full"):
        with open(f"metrics/{name}.json", encoding="utf-8") as file:  # noqa: PTH123
            metrics = json.load(file)
        assert all(isinstance(value, int | float) and math.isfinite(value) for value in metrics.values())
        for split in ("train", "valid", "test"):
            for score in ("rows", "mse_normalised", "mse_usd2", "rmse_usd", "mae_usd", "r2"):
                assert f"{split}_{score}" in metrics
        assert {"test_mean_mse_usd2", "test_cell_mean_mse_usd2"} <= set(metrics)
