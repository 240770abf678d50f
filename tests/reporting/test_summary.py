import pytest

from pipeline.reporting import summary
from tests.support.reports import make_result, write_metrics


def test_the_headline_is_of_the_best_recipe(tmp_path):
    assert summary.headline(make_result(tmp_path)) == (
        "The best recipe, mine, predicts the salaries of 340 test rows with a root mean squared error of $20,000 and"
        " explains 52.5 % of their variance."
    )


def test_the_description_says_what_was_trained_on_what(tmp_path):
    assert summary.description(make_result(tmp_path)) == (
        "Reads experience_level, employment_type, remote_ratio, company_size (network: mlp). Trained on 1,200 rows for"
        " 2 epochs, of which the last is kept, in batches of 4, seed 1. Its squared error is 17.7 % smaller than that"
        " of a ridge regression on the same features (95 % interval: -25.0 % to -10.0 %)."
    )


def test_the_scores_are_those_of_the_metrics(tmp_path):
    header, row = summary.scores([make_result(tmp_path)])
    assert dict(zip(header, row, strict=True)) == {
        "recipe": "mine",
        "training mean": "$29,017",
        "mean of the cell": "$25,023",
        "ridge regression": "$22,041",
        "the recipe": "$20,000",
        "noise floor": "$15,000",
        "known on": "70.0 %",
        "explained of what can be": "80.0 %",
        "R²": "0.525",
    }


def test_an_unknown_noise_floor_is_said_to_be(tmp_path):
    result = make_result(tmp_path, test_mse_over_floor=None, test_explained_of_explainable=None)
    assert summary.scores([result])[1][-4:-1] == ["unknown", "70.0 %", "unknown"]


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [(0.8, 0.999, "mine"), (0.9, 1.1, "mine (level with ridge)"), (1.01, 1.25, "mine (worse than ridge)")],
)
def test_a_recipe_is_marked_where_ridge_regression_beats_it_or_equals_it(tmp_path, low, high, name):
    result = make_result(tmp_path, test_mse_over_ridge_low=low, test_mse_over_ridge_high=high)
    assert summary.scores([result])[1][0] == name


def test_a_floor_that_a_method_is_below_is_a_range_and_nobody_explains_more_than_all(tmp_path):
    result = make_result(tmp_path, test_ridge_rmse_usd=14_000.0, test_explained_of_explainable=1.027)
    header, row = summary.scores([result])
    cells = dict(zip(header, row, strict=True))
    assert cells["noise floor"] == "$7,500 to $15,000"  # the root of a quarter of the floor
    assert cells["explained of what can be"] == "all, within chance"


def test_the_description_says_by_how_much_ridge_regression_is_better(tmp_path):
    assert "squared error is 25.0 % larger than that of a ridge" in summary.description(
        make_result(tmp_path, test_mse_over_ridge=1.25)
    )


def test_the_worst_slices_come_first_and_only_the_worst(tmp_path):
    slices = [{"slice": f"job_title={x}", "rows": 30, "mse_usd2": float(x * x), "bias_usd": -x} for x in range(20)]
    _, *rows = summary.worst_slices(make_result(tmp_path, slices=slices))
    assert rows == [[f"job_title={x}", "30", f"${x}", f"-${x}"] for x in range(19, 11, -1)]


def test_the_largest_slices_are_those_of_the_most_rows_but_not_of_all(tmp_path):
    slices = [
        {"slice": f"job_title={rows}", "rows": rows, "mse_usd2": 4.0, "bias_usd": 1.0} for rows in (30, 340, 90, 60)
    ]
    _, *rows = summary.largest_slices(make_result(tmp_path, slices=slices))
    assert [row[1] for row in rows] == ["90", "60", "30"]


def test_coverage_is_of_all_and_then_of_each_level(tmp_path):
    assert summary.coverage(make_result(tmp_path))[1:] == [
        ["all", "340", "81.1 %", "$51,111", "95.7 %", "$92,222"],
        ["SE", "340", "81.2 %", "$53,333", "96.2 %", "$94,444"],
    ]


def test_the_data_are_counted(tmp_path):
    assert summary.data(write_metrics(tmp_path, mine={}).results()) == [
        ["rows", "number"],
        ["all", "1,987"],
        ["quarantined", "3"],
        ["train", "1,200"],
        ["valid", "444"],
        ["test", "340"],
        ["train, equal to another of train", "200"],
        ["train, with a value unknown to mine", "9"],
        ["valid, equal to another of valid", "0"],
        ["valid, with a value unknown to mine", "5"],
        ["test, equal to another of test", "7"],
        ["test, with a value unknown to mine", "17"],
    ]


def test_the_reproduction_names_the_bytes_of_table_and_lock(tmp_path):
    said = summary.reproduction(write_metrics(tmp_path, mine={}).results())
    assert "raw.csv (SHA-256 ba7816bf8f01cfea…), some.lock (SHA-256 e3b0c44298fc1c14…)" in said
