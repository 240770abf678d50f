"""Metrics written by hand, as the stages leave them in `metrics/`, and the report of them."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import report
from pipeline.reporting.run_results import (
    HEADLINE,
    RecipeResult,
    RunResults,
    metrics_files,
    read_results,
    stages_of_results,
)
from tests.support.recipes import make_recipe

METRICS: dict[str, float] = {
    "train_rows": 1200,
    "test_rows": 340,
    "test_mse_usd2": 4e8,
    "test_rmse_usd": 20_000.0,
    "test_r2": 0.525,
    "test_mse_over_floor": 16 / 9,
    "test_floor_rows_share": 0.7,
    "test_explained_of_explainable": 0.8,
    "train_rows_distinct": 1000,
    "train_rows_with_unknown": 9,
    "valid_rows": 444,
    "valid_rows_distinct": 444,
    "valid_rows_with_unknown": 5,
    "test_rows_distinct": 333,
    "test_rows_with_unknown": 17,
    **{f"{split}_mse_normalised": loss for split, loss in (("train", 0.5), ("valid", 0.25), ("test", 0.125))},
    **{f"{split}_rmse_usd": rmse for split, rmse in (("train", 50_000.4), ("valid", 61_234.0))},
    **{f"{split}_mae_usd": mae for split, mae in (("train", 40_004.0), ("valid", 41_414.0), ("test", 42_424.0))},
    **{f"{split}_r2": r2 for split, r2 in (("train", 0.625), ("valid", 0.375))},
    "test_mean_rmse_usd": 29_017.0,
    "test_cell_mean_rmse_usd": 25_023.0,
    "test_ridge_rmse_usd": 22_041.0,
    "test_mse_over_ridge": 0.823,
    "test_mse_over_ridge_low": 0.75,
    "test_mse_over_ridge_high": 0.9,
    "test_floor_usd2": 4e8,
    "test_floor_low_usd2": 1e8,
    "test_coverage80": 0.811,
    "test_coverage80_lowest_tenth": 0.777,
    "test_width80_usd": 51_111.0,
    "test_coverage95": 0.957,
    "test_coverage95_lowest_tenth": 0.944,
    "test_width95_usd": 92_222.0,
    "test_fairness_groups_beyond": 1,
}
GROUP = {
    "bias_usd": -1_234.0,
    "mae_usd": 31_313.0,
    "bias_share": -0.0625,
    "bias_share_low": -0.125,
    "bias_share_high": -0.05,
    "bias_share_limit": 0.05,
    "error_ratio": 1.5,
    "error_ratio_low": 1.25,
    "error_ratio_high": 1.75,
    "error_ratio_limit": 1.25,
}
TABLES: dict[str, list[dict[str, Any]]] = {
    "learning_curve": [
        {"epoch": 1, "train_mse": 0.9, "valid_mse": 0.8},
        {"epoch": 2, "train_mse": 0.6, "valid_mse": 1},
    ],
    "predictions": [{"actual_usd": usd, "predicted_usd": usd + 5_000} for usd in (40_000, 90_000, 160_000)],
    "residuals": [{"residual_usd": usd, "rows": rows} for usd, rows in ((-10_000, 40), (0, 200), (10_000, 100))],
    "calibration": [
        {"tenth": 1, "rows": 170, "predicted_usd": 60_000.0, "actual_usd": 65_000.0},
        {"tenth": 2, "rows": 170, "predicted_usd": 120_000.0, "actual_usd": 110_000.0},
    ],
    "slices": [
        {"slice": "company_size=S", "rows": 41, "mse_usd2": 1.44e8, "bias_usd": -1_234.0},
        {"slice": "company_size=M", "rows": 299, "mse_usd2": 9e8, "bias_usd": 777.0},
    ],
    "coverage": [
        {
            "experience_level": "SE",
            "rows": 340,
            "coverage80": 0.8125,
            "width80_usd": 53_333.0,
            "coverage95": 0.9625,
            "width95_usd": 94_444.0,
        }
    ],
    "importance": [
        {
            "feature": "company_size",
            "mse_increase_usd2": -4e6,
            "mse_increase_low_usd2": -6e6,
            "mse_increase_high_usd2": 2e6,
            "codes": 4,
            "parameters": 1196,
            "unseen_share": 0.0625,
        },
        {
            "feature": "job_title",
            "mse_increase_usd2": 1.2e8,
            "mse_increase_low_usd2": 1e8,
            "mse_increase_high_usd2": 1.6e8,
            "codes": 1062,
            "parameters": 5779,
            "unseen_share": 0.25,
        },
    ],
    "fairness": [
        GROUP | {"group": "company_size=S", "rows": 41, "verdict": "beyond by bias"},
        GROUP | {"group": "company_size=M", "rows": 299, "verdict": "within"},
        GROUP | {"group": "company_size=L", "rows": 9, "verdict": "too few rows to tell"},
    ],
}
DATA = {"rows": 1987, "rows_quarantined": 3, "rows_train": 1200, "rows_valid": 444, "rows_test": 340}


@dataclass(frozen=True)
class Written:
    """A folder with the files that the stage reads."""

    folder: Path
    recipes: tuple[str, ...]

    def paths(self) -> dict[str, Path]:
        return {name: self.folder / file for name, file in {"data": "raw.csv", "lock": "some.lock"}.items()}

    def results(self) -> RunResults:
        recipes = {name: make_recipe() for name in self.recipes}
        return read_results(self.folder / "metrics", recipes, **self.paths())

    def report(self) -> tuple[str, str]:
        """The Markdown and the page."""
        texts = self.folder / "report.md", self.folder / "report.html"
        recipes = {name: make_recipe() for name in self.recipes}
        report.run(recipes, metrics=self.folder / "metrics", markdown=texts[0], page=texts[1], **self.paths())
        return texts[0].read_text(encoding="utf-8"), texts[1].read_text(encoding="utf-8")


def write_metrics(folder: Path, **recipes: Mapping[str, Any]) -> Written:
    """The files of recipes of these names; each is METRICS and TABLES with what is to be different. None leaves out."""
    for name, changes in recipes.items():
        plots = folder / "metrics/plots" / name
        plots.mkdir(parents=True)
        numbers = {
            key: value for key, value in (METRICS | dict(changes)).items() if key not in TABLES and value is not None
        }
        write_numbers(folder / "metrics", name, numbers)
        for table, rows in TABLES.items():
            with (plots / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(changes.get(table, rows))
    (folder / "metrics/prepare.json").write_text(json.dumps(DATA), encoding="utf-8")
    (folder / "raw.csv").write_bytes(b"abc")
    (folder / "some.lock").write_bytes(b"")
    return Written(folder, tuple(recipes))


def write_numbers(metrics: Path, recipe: str, numbers: Mapping[str, float]) -> None:
    """A recipe's metrics, as far as they are given, in its two files."""
    headline = {name: value for name, value in numbers.items() if name in HEADLINE}
    details = {name: value for name, value in numbers.items() if name not in HEADLINE}
    for file, part in zip(metrics_files(metrics, recipe), (headline, details), strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(part), encoding="utf-8")


def make_result(folder: Path, **changes: object) -> RecipeResult:
    """One recipe's result, as it is read back."""
    return write_metrics(folder, mine=changes).results().recipes[0]


def write_lock(folder: Path, *recipes: str) -> None:
    """A dvc.lock in which the stages behind these recipes' results are up to date, whatever else the folder holds."""
    stages = {name: {"cmd": "true"} for name in stages_of_results(recipes)}
    (folder / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}))
