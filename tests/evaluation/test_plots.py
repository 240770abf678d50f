import numpy as np

from pipeline.data.schema import TARGET
from pipeline.evaluation.plots import histogram, scatter


def test_the_scatter_takes_the_rows_with_the_smallest_hashes_and_shows_whole_dollars():
    split = {"row_hash": np.arange(3000, dtype=np.uint64)[::-1], TARGET: np.arange(3000)}
    drawn = scatter(np.arange(3000) + 0.4, split)
    assert len(drawn) == 1000
    assert sorted(drawn["actual_usd"]) == list(range(2000, 3000))
    assert (drawn["predicted_usd"] == drawn["actual_usd"]).all()


def test_the_histogram_holds_every_row_once():
    residuals = np.array([0.0, 4_999.0, -5_001.0, 1e9, -1e9, 195_001.0])
    counted = histogram(residuals).set_index("residual_usd")["rows"]
    assert counted[counted > 0].to_dict() == {-200_000: 1, -10_000: 1, 0: 2, 200_000: 2}
