"""What the report is made of: the metrics files, read back."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pipeline.data.remote import Place, Remote
from pipeline.data.schema import MAE, MSE, RMSE, in_unit
from pipeline.data.table_files import table_files
from pipeline.params import Recipe

TABLES = ("learning_curve", "predictions", "residuals", "calibration", "slices", "coverage", "importance", "fairness")
HEADLINE = tuple(f"test_{name}" for name in (RMSE, "r2", "mse_over_ridge", MAE, "coverage80", MSE, "mse_normalised"))
"""The metrics that DVC shows and compares, those that tell most first; all others are details."""

Table = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class RecipeResult:
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
        """The root mean squared error on the test rows in units of the target: the baselines', then the recipe's."""
        baselines = {"training mean": "mean", "mean of the cell": "cell_mean", "ridge regression": "ridge"}
        errors = {title: self.metrics[f"test_{key}_{RMSE}"] for title, key in baselines.items()}
        return {**errors, self.name: self.metrics[f"test_{RMSE}"]}

    @property
    def noise_floor(self) -> float | None:
        """The root of the test rows' noise floor in units of the target; None where it is not known.

        It is known on a share of the rows. So that it can stand beside the errors of all rows, the recipe's error is
        divided by its ratio to the floor on that share.
        """
        ratio = self.metrics.get("test_mse_over_floor")
        return None if ratio is None else self.metrics[f"test_{RMSE}"] / math.sqrt(ratio)

    @property
    def lowest_noise_floor(self) -> float | None:
        """The same if all equal rows are draws, none copies: the true floor lies between the two."""
        low, high = (self.metrics.get(in_unit(f"test_floor{end}", power=2)) for end in ("_low", ""))
        return self.noise_floor * math.sqrt(low / high) if self.noise_floor and low is not None and high else None


@dataclass(frozen=True)
class RunResults:
    """The results of all recipes, best first; the metrics of the data; the hashes that name data and packages."""

    recipes: tuple[RecipeResult, ...]
    data: Mapping[str, float]
    hashes: Mapping[str, str]


def read_results(metrics: Path, recipes: Mapping[str, Recipe], *, data: Place, lock: Path) -> RunResults:
    """The results in the folder of metrics, and the hashes of the raw table and of the packages' lock.

    What other recipes have left in the folder is not read.
    Raises: FileNotFoundError if a file is missing; the message says what to do.
    """
    results = []
    for name, recipe in recipes.items():
        tables = {table: _read_csv(metrics / "plots" / name / f"{table}.csv") for table in TABLES}
        results.append(RecipeResult(name, recipe, read_metrics(metrics, name), tables))
    results.sort(key=lambda result: result.metrics[f"test_{MSE}"])
    hashes = {path.name: sha256_of(path) for path in (data, lock)}
    return RunResults(tuple(results), json.loads(_read(metrics / "prepare.json")), hashes)


def stages_of_results(recipes: Iterable[str]) -> list[str]:
    """The stages, by their names in dvc.lock, that the results of these recipes come from."""
    return ["prepare", *(f"{stage}@{recipe}" for recipe in recipes for stage in ("train", "evaluate"))]


def metrics_files(metrics: Path, recipe: str) -> tuple[Path, Path]:
    """The files in the folder of metrics that hold a recipe's headline, and its details."""
    return metrics / "recipes" / f"{recipe}.json", metrics / "details" / f"{recipe}.json"


def as_texts(metrics: Mapping[str, float]) -> tuple[str, str]:
    """What the two files of these metrics say."""
    headline = {name: metrics[name] for name in HEADLINE}
    details = {name: number for name, number in metrics.items() if name not in headline}
    first, second = (json.dumps(part, indent=2, allow_nan=False) + "\n" for part in (headline, details))
    return first, second


def read_metrics(metrics: Path, recipe: str) -> dict[str, float]:
    """The metrics of the recipe of this name, the headline first. Raises: as `read_results`.

    Metrics from before 2026-11-30, to which a rollback may lead, all stand in the first file.
    """
    headline, details = metrics_files(metrics, recipe)
    numbers = dict(json.loads(_read(headline)))
    return numbers if numbers.keys() - set(HEADLINE) else numbers | json.loads(_read(details))


def sha256_of(path: Place) -> str:
    """The SHA-256 of the file's bytes; of a folder, that of what sha256sum says of its tables, sorted by name.

    Of a table at a URL, which is not read for this, the etags of its files stand in the place of their SHA-256.
    Raises: as `read_results` and `table_files`.
    """
    if isinstance(path, Remote) or path.is_dir():
        files = table_files(path).items()
        lines = [f"{file.etag if isinstance(file, Remote) else sha256_of(file)}  {name}\n" for name, file in files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ridge_mark(metrics: Mapping[str, float]) -> str:
    """What stands behind a recipe's name if ridge regression beats it beyond chance, or if both are level.

    Metrics from before 2026-11-30, to which a rollback may lead, do not say.
    """
    low, high = (metrics.get(f"test_mse_over_ridge_{end}", 0.0) for end in ("low", "high"))
    return " (worse than ridge)" if low > 1 else " (level with ridge)" if high >= 1 else ""


def _read_csv(path: Path) -> Table:
    return list(csv.DictReader(io.StringIO(_read(path).decode(), newline="")))


def _read(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} must be there, found none; run dvc repro, which makes it") from None
