import json
from pathlib import Path

import pytest

from pipeline import params, results
from tests.support.reports import write_lock
from tests.support.settings import all_settings, write_settings

SCORES = {"mse_usd2": 4e9, "rmse_usd": 63245.6, "mae_usd": 50000.0, "r2": 0.125}
METRICS = {
    name: {
        "test_mse_over_ridge_low": low,
        "test_mse_over_ridge_high": 1.1,
        **{
            f"test_{prefix}{score}": value
            for prefix in ("", "mean_", "cell_mean_", "ridge_")
            for score, value in SCORES.items()
        },
    }
    for name, low in (("course", 1.01), ("full", 0.9))
}


def test_the_table_has_a_row_for_each_baseline_and_recipe():
    header, _, *rows = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in results.table(METRICS).splitlines()
    )
    assert header == ["on the test rows", "MSE, USD²", "RMSE, USD", "MAE, USD", "R²"]
    assert [row[0] for row in rows] == [
        "training mean",
        "cell mean, course's features",
        "ridge, course's features",
        "**course** (worse than ridge)",
        "cell mean, full's features",
        "ridge, full's features",
        "**full** (level with ridge)",
    ]
    assert rows[3][1:] == ["4e+09", "63,246", "50,000", "0.125"]


def test_old_metrics_without_the_interval_are_not_marked():
    older = {name: value for name, value in METRICS["course"].items() if "over_ridge" not in name}
    assert "**course** " in results.table({"course": older})
    assert "ridge)" not in results.table({"course": older})


def test_the_table_of_the_shipped_recipes_fits_a_terminal_of_80_columns():
    scores = {"mse_usd2": 1.2345e12, "rmse_usd": 1_234_567.0, "mae_usd": 1_234_567.0, "r2": -12.345}
    prefixes = ("", "mean_", "cell_mean_", "ridge_")
    numbers = {f"test_{prefix}{score}": value for prefix in prefixes for score, value in scores.items()}
    shipped = dict.fromkeys(params.recipe_names(), numbers | {"test_mse_over_ridge_low": 2.0})
    assert "(worse than ridge)" in results.table(shipped)
    assert max(map(len, results.table(shipped).splitlines())) <= 80


def test_the_command_prints_the_table_of_the_recipes_in_the_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("metrics/recipes").mkdir(parents=True)
    for name, numbers in METRICS.items():
        Path(f"metrics/recipes/{name}.json").write_text(json.dumps(numbers))
    write_settings(tmp_path, recipes={"full": all_settings()["recipes"]["full"]})
    write_lock(tmp_path, "full")
    results.main()
    assert capsys.readouterr().out == results.table({"full": METRICS["full"]}) + "\n"


def test_scores_that_are_out_of_date_come_after_a_line_that_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("metrics/recipes").mkdir(parents=True)
    Path("metrics/recipes/full.json").write_text(json.dumps(METRICS["full"]))
    write_settings(tmp_path, recipes={"full": all_settings()["recipes"]["full"]})
    write_lock(tmp_path, "course")
    results.main()
    first, second, _, *shown = capsys.readouterr().out.splitlines()
    assert first.endswith("today's table, code and settings. Not up to date: train@full, evaluate@full.")
    assert second == "dvc repro makes new ones; to go back to the last commit: make back"
    assert shown == results.table({"full": METRICS["full"]}).splitlines()


def test_without_metrics_it_says_what_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_settings(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        results.main()
    assert capsys.readouterr().err == (
        "results: metrics/recipes/course.json must be there, found none; run dvc repro, which makes it\n"
    )
