import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import FEATURES, TARGET
from pipeline.evaluation import plot_tables
from pipeline.evaluation.plot_tables import (
    MeansByCode,
    calibration,
    coverage_by_group,
    errors_by_slice,
    fair_draw,
    histogram,
    scatter,
    scatter_of_groups,
)
from tests.support.splits import in_blocks, in_cells

ENCODER = Encoder(
    dict.fromkeys(FEATURES, ("A", "B", "C")) | {"experience_level": ("EN", "MI", "SE", "EX")},
    (),
    Scaling("standard", 1e5, 5e4),
)


def codes(**changes):
    """Six rows that are alike in all features but the given ones."""
    return {name: np.ones(6, np.int16) for name in FEATURES} | {
        name: np.array(values, np.int16) for name, values in changes.items()
    }


def found(errors, *, min_rows=1, size=4, **changes):
    rows, cells = in_cells(codes(**changes), FEATURES, into="feature_cell")
    rows |= {"predicted": 100.0 + np.array(errors), TARGET: np.full(6, 100)}
    table = errors_by_slice(in_blocks(rows, size), cells, encoder=ENCODER, min_rows=min_rows)
    return table.set_index("slice")


def means(values, columns, *, min_rows):
    """The means of columns by code, of rows that come in blocks."""
    rows = {"codes": np.array(values), **columns}
    found = MeansByCode(np.bincount(values, minlength=4), names=list("abcd"), min_rows=min_rows)
    for block in in_blocks(rows, 7):
        found.add(block["codes"], {name: block[name] for name in columns})
    return found.table()


def calibrated(prediction, actual, **options):
    """The calibration of rows that have a prediction each, or share one."""
    rows, cells = in_cells({"number": np.unique(prediction, return_inverse=True)[1]}, ["number"], into="cell")
    rows |= {"predicted": prediction, TARGET: actual}
    predicted = np.unique(prediction)[cells.codes["number"]]
    return calibration(in_blocks(rows, 300), cells, predicted, **options)


def test_a_slice_has_the_rows_the_error_and_the_bias_of_its_value():
    table = found([1, -3, 10, 20, 30, 40], company_size=[1, 1, 2, 2, 3, 3])
    assert table.loc["company_size=A"].tolist() == [2, 5.0, -1.0]
    assert table.loc["company_size=B"].tolist() == [2, 250.0, 15.0]
    assert table.loc["work_year=A", "rows"] == 6


def test_values_without_a_code_are_a_slice_of_each_feature_and_of_all():
    table = found([1, 2, 3, 4, 5, 6], job_title=[0, 0, 1, 1, 1, 1], company_location=[1, 0, 0, 1, 1, 1])
    assert table.loc["job_title=(unknown)", "bias_usd"] == 1.5
    assert table.loc["company_location=(unknown)", "bias_usd"] == 2.5
    assert table.loc["features=(some unknown)"].tolist() == [3, 14 / 3, 2.0]
    assert table.loc["features=(all known)", "rows"] == 3


def test_values_of_too_few_rows_stand_together_or_not_at_all():
    table = found([1, 2, 3, 4, 5, 6], min_rows=2, company_size=[0, 2, 3, 1, 1, 1], remote_ratio=[1, 1, 1, 1, 1, 2])
    assert table.loc["company_size=(rarer)", "bias_usd"] == 2.0
    assert not {"company_size=(unknown)", "company_size=B", "remote_ratio=B", "remote_ratio=(rarer)"} & set(table.index)
    assert table["rows"].min() >= 2


def test_a_table_too_small_for_any_slice_has_none():
    table = found([1, 2, 3, 4, 5, 6], min_rows=7)
    assert (len(table), list(table)) == (0, ["rows", "mse_usd2", "bias_usd"])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50), st.integers(1, 20))
def test_no_line_has_fewer_rows_than_asked_for_and_none_is_counted_twice(values, min_rows):
    table = means(values, {"one": np.ones(len(values))}, min_rows=min_rows)
    assert all(table["rows"] >= min_rows)
    assert len(values) - table["rows"].sum() < min_rows
    assert all(table["one"] == 1)


def test_the_mean_over_the_slices_of_a_feature_is_the_mean_of_all():
    errors = np.random.default_rng(1).normal(0, 100, 500)
    sizes = np.random.default_rng(2).integers(0, 4, 500)
    table = means(sizes, {"mse": errors**2}, min_rows=1)
    assert np.average(table["mse"], weights=table["rows"]) == pytest.approx((errors**2).mean())


def test_calibration_holds_tenths_of_the_rows_from_low_to_high():
    prediction = np.random.default_rng(3).permutation(1000).astype(np.float64)
    table = calibrated(prediction, prediction + 7)
    assert table["rows"].tolist() == [100] * 10
    assert table["predicted_usd"].tolist() == [49.5 + 100 * tenth for tenth in range(10)]
    assert (table["actual_usd"] - table["predicted_usd"] == 7).all()


def test_equal_predictions_are_never_torn_apart():
    table = calibrated(np.repeat([1.0, 2.0], [15, 5]), np.arange(20.0))
    assert table["predicted_usd"].tolist() == [1.0, 2.0]
    assert table["tenth"].tolist() == ["1", "8"]


def test_coverage_counts_the_salaries_inside_level_by_level():
    levels, actual = np.array([1, 1, 3, 3, 3]), np.array([10, 30, 10, 20, 40])
    rows, cells = in_cells({"experience_level": levels}, ["experience_level"], into="feature_cell")

    def intervals(block):
        size = len(block[TARGET])
        return {80: (np.full(size, 10.0), np.full(size, 20.0)), 95: (np.zeros(size), np.full(size, 30.0))}

    blocks = in_blocks(rows | {TARGET: actual}, 2)
    table = coverage_by_group(blocks, cells, intervals, encoder=ENCODER, min_rows=1)
    assert table["experience_level"].tolist() == ["EN", "SE"]
    assert table["coverage80"].tolist() == pytest.approx([0.5, 2 / 3])
    assert table["coverage95"].tolist() == pytest.approx([1.0, 2 / 3])
    assert table["width80_usd"].tolist() == [10.0, 10.0]


def test_the_scatter_takes_the_rows_with_the_smallest_hashes_and_shows_whole_dollars():
    split = {"row_hash": np.arange(3000, dtype=np.uint64)[::-1], TARGET: np.arange(3000)}
    drawn = scatter(split | {"predicted": np.arange(3000) + 0.4})
    assert len(drawn) == 1000
    assert sorted(drawn["actual_usd"]) == list(range(2000, 3000))
    assert (drawn["predicted_usd"] == drawn["actual_usd"]).all()


def grouped(prediction, folder, *, min_rows=10):
    rows = {"predicted": prediction, TARGET: (prediction + 7).astype(np.int32)}
    return scatter_of_groups(in_blocks(rows, 20), folder / "points", rows=len(prediction), min_rows=min_rows)


def test_where_no_point_may_be_one_row_each_is_the_mean_of_neighbouring_predictions_and_all_rows_are_in_one(tmp_path):
    drawn = grouped(np.random.default_rng(4).permutation(65).astype(np.float64), tmp_path)
    assert drawn["rows"].tolist() == [11, 11, 11, 11, 11, 10]
    assert drawn["predicted_usd"].tolist() == [5, 16, 27, 38, 49, 60]  # 59.5 is even rounded up
    assert (drawn["actual_usd"] - drawn["predicted_usd"]).isin([6, 7, 8]).all()


def test_many_rows_make_larger_groups_and_no_more_points(tmp_path, monkeypatch):
    monkeypatch.setattr(plot_tables, "SCATTER_ROWS", 3)
    assert grouped(np.arange(65.0), tmp_path)["rows"].tolist() == [22, 22, 21]


def test_fewer_rows_than_may_be_told_of_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"evaluate.min_slice_rows, 10, .*single_rows is false; found 9: bring more"):
        grouped(np.arange(9.0), tmp_path)


def test_tenths_of_too_few_rows_are_put_together():
    table = calibrated(np.arange(40.0), np.arange(40.0), min_rows=10)
    assert (table["tenth"].tolist(), table["rows"].tolist()) == (["(rarer)"], [40])


def test_a_fair_draw_takes_equal_rows_together_and_no_more_rows_than_there_are():
    split = {"row_hash": np.array([7, 3, 9, 3, 1], np.uint64)}
    assert fair_draw(split, rows=3).tolist() == [4, 1, 3]
    assert len(fair_draw(split, rows=10)) == 5


def test_the_histogram_holds_every_row_once():
    residuals = np.array([0.0, 4_999.0, -5_001.0, 1e9, -1e9, 195_001.0])
    counted = histogram(np.split(residuals, [2, 3])).set_index("residual_usd")["rows"]
    assert counted[counted > 0].to_dict() == {-200_000: 1, -10_000: 1, 0: 2, 200_000: 2}
