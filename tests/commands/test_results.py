import pytest

from pipeline import results

SCORES = {"mse_usd2": 4e9, "rmse_usd": 63245.6, "mae_usd": 50000.0, "r2": 0.125}
METRICS = {
    name: {
        "test_mse_normalised": 0.5,
        "test_mse_over_ridge": over_ridge,
        **{
            f"test_{prefix}{score}": value
            for prefix in ("", "mean_", "cell_mean_", "ridge_")
            for score, value in SCORES.items()
        },
    }
    for name, over_ridge in (("course", 1.01), ("full", 1.0))
}


def test_the_table_has_a_row_for_each_baseline_and_recipe():
    lines = results.table(METRICS).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "training mean",
        "mean of the row's cell, course's features",
        "ridge regression, course's features",
        "**course** (worse than ridge)",
        "mean of the row's cell, full's features",
        "ridge regression, full's features",
        "**full**",
    ]
    assert "| 63,246" in lines[5]
    assert len({len(line) for line in lines}) == 1


def test_without_metrics_it_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("recipes: {course: {}}\n")
    with pytest.raises(SystemExit, match="run dvc repro first"):
        results.main()
