import re
from pathlib import Path

import pytest

from pipeline import results
from tests.support.reports import write_lock, write_numbers
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
        "**course**",
        "cell mean, same features",
        "ridge, same features (better)",
        "**full**",
        "cell mean, same features",
        "ridge, same features (level)",
    ]
    assert rows[1][1:] == ["4e+09", "63,246", "50,000", "0.125"]


def test_old_metrics_without_the_interval_are_not_marked():
    older = {name: value for name, value in METRICS["course"].items() if "over_ridge" not in name}
    assert "ridge, same features " in results.table({"course": older})
    assert "features (" not in results.table({"course": older})


def test_the_table_fits_a_terminal_of_80_columns():
    scores = {"mse_usd2": 1.2345e12, "rmse_usd": 1_234_567.0, "mae_usd": 1_234_567.0, "r2": -12.345}
    prefixes = ("", "mean_", "cell_mean_", "ridge_")
    numbers = {f"test_{prefix}{score}": value for prefix in prefixes for score, value in scores.items()}
    table = results.table({"a-recipe-with-quite-a-name": numbers | {"test_mse_over_ridge_low": 2.0}})
    assert "| ridge, same features (better)" in table
    assert max(map(len, table.splitlines())) <= 80


def test_the_command_prints_the_table_of_the_recipes_in_the_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, numbers in METRICS.items():
        write_numbers(Path("metrics"), name, numbers)
    write_settings(tmp_path, recipes={"full": all_settings()["recipes"]["full"]})
    write_lock(tmp_path, "full")
    results.main([])
    assert capsys.readouterr().out == results.table({"full": METRICS["full"]}) + "\n"


def test_scores_that_are_out_of_date_come_after_a_line_that_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_numbers(Path("metrics"), "full", METRICS["full"])
    write_settings(tmp_path, recipes={"full": all_settings()["recipes"]["full"]})
    write_lock(tmp_path, "course")
    results.main([])
    *words, way_back, _ = (lines := capsys.readouterr().out.splitlines())[:4]
    assert " ".join(words).endswith("table, code and settings. Not up to date: train@full, evaluate@full.")
    assert way_back == "dvc repro makes new ones; to go back to the last commit: make back"
    assert max(map(len, lines)) <= 80
    assert lines[4:] == results.table({"full": METRICS["full"]}).splitlines()


def test_without_metrics_it_says_what_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_settings(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        results.main([])
    assert capsys.readouterr().err == (
        "results: metrics/recipes/course.json must be there, found none; run dvc repro, which makes it\n"
    )


def test_all_metrics_behind_the_table_are_printed_when_told_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_numbers(Path("metrics"), "full", METRICS["full"] | {"train_rows": 1234567})
    write_settings(tmp_path, recipes={"full": all_settings()["recipes"]["full"]})
    write_lock(tmp_path, "full")
    results.main(["--all"])
    table, details = capsys.readouterr().out.split("\n\n")
    assert table == results.table({"full": METRICS["full"]})
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in details.splitlines()]
    assert ["full", "number"] in cells
    assert ["train_rows", "1,234,567"] in cells
    assert ["test_ridge_rmse_usd", "63,245.6"] in cells
    assert len(cells) == 2 + len(METRICS["full"]) + 1


def test_help_says_what_it_prints_and_prints_no_table(capsys):
    with pytest.raises(SystemExit, match="0"):
        results.main(["--help"])
    assert re.search(r"--all +print all metrics behind the table", capsys.readouterr().out)
