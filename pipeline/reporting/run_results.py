"""What the report is made of: the metrics files, read back."""

import csv
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.params import Recipe

TABLES = ("learning_curve", "predictions", "residuals", "calibration", "slices", "coverage", "importance")

Table = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Result:
    """One recipe's settings, its metrics, and the tables of its plots by name."""

    name: str
    recipe: Recipe
    metrics: Mapping[str, float]
    tables: Mapping[str, Table]

    def numbers(self, table: str, *columns: str) -> list[tuple[float, ...]]:
        """The table's columns as numbers, row by row."""
        return [tuple(float(row[column]) for column in columns) for row in self.tables[table]]

    @property
    def methods(self) -> dict[str, float]:
        """The root mean squared error on the test rows, in US dollars: of the baselines, then of the recipe."""
        baselines = {"training mean": "mean", "mean of the cell": "cell_mean", "ridge regression": "ridge"}
        errors = {title: self.metrics[f"test_{key}_rmse_usd"] for title, key in baselines.items()}
        return {**errors, self.name: self.metrics["test_rmse_usd"]}

    @property
    def floor(self) -> float | None:
        """The root of the test rows' noise floor in US dollars; None where it is not known.

        It is known on a share of the rows. So that it can stand beside the errors of all rows, the recipe's error is
        divided by its ratio to the floor on that share.
        """
        ratio = self.metrics.get("test_mse_over_floor")
        return None if ratio is None else self.metrics["test_rmse_usd"] / math.sqrt(ratio)


@dataclass(frozen=True)
class Facts:
    """The results of all recipes, best first; the metrics of the data; the hashes that name data and packages."""

    results: tuple[Result, ...]
    data: Mapping[str, float]
    hashes: Mapping[str, str]


def read_facts(metrics: Path, recipes: Mapping[str, Recipe], *, data: Path, lock: Path) -> Facts:
    """The facts in the folder of metrics, and the hashes of the raw table and of the packages' lock.

    Raises: FileNotFoundError if a file is missing.
    """
    results = [
        Result(
            name,
            recipe,
            json.loads((metrics / f"{name}.json").read_text(encoding="utf-8")),
            {table: _read_csv(metrics / "plots" / name / f"{table}.csv") for table in TABLES},
        )
        for name, recipe in recipes.items()
    ]
    results.sort(key=lambda result: result.metrics["test_mse_usd2"])
    rows = json.loads((metrics / "prepare.json").read_text(encoding="utf-8"))
    return Facts(tuple(results), rows, {path.name: _sha256(path) for path in (data, lock)})


def _read_csv(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
