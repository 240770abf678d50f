"""Stage 3: a model bundle and the encoded splits → its metrics, the baselines beside them, and plots data."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import params, versions
from pipeline.data.schema import GROUP, MSE, NORMALISED, TARGET
from pipeline.data.split import SPLITS
from pipeline.evaluation import leaks
from pipeline.evaluation.columns import Columns, read_split
from pipeline.evaluation.importance import permutation_importance
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.evaluation.plot_tables import calibration, coverage_by_group, errors_by_slice, histogram, scatter
from pipeline.evaluation.scorecard import (
    IntervalEnds,
    baseline_scores,
    check_finite,
    interval_scores,
    noise_floor_scores,
    prediction_scores,
    row_counts,
)
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS
from pipeline.runtime.command import command
from pipeline.runtime.lifetime import end_with_parent


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--prepared", type=Path, required=True, help="folder of the encoded splits")
    parser.add_argument("--metrics", type=Path, required=True, help="JSON file of the metrics")
    parser.add_argument("--plots", type=Path, required=True, help="folder of the plots data")
    arguments = parser.parse_args(argv)
    end_with_parent()
    with command(f"evaluate {arguments.model.name}"):
        versions.check("numpy", "pandas", "pyarrow", "safetensors", "torch")
        run(
            model=arguments.model,
            prepared=arguments.prepared,
            metrics=arguments.metrics,
            plots=arguments.plots,
            min_slice_rows=params.load(params.Evaluate, "evaluate").min_slice_rows,
            min_count=params.load(params.Prepare, "prepare").min_count,
        )


@dataclass(frozen=True)
class Scored:
    """A split's rows, and what the model predicts for them: normalised, and in units of the target.

    Shape: each column of the rows and both predictions (rows,).
    """

    rows: Columns
    normalised: np.ndarray
    prediction: np.ndarray

    @property
    def actual(self) -> np.ndarray:
        """The truth in units of the target. Shape: (rows,)."""
        return self.rows[TARGET]


def run(*, model: Path, prepared: Path, metrics: Path, plots: Path, min_slice_rows: int, min_count: int) -> None:
    """Check for leaks, score the model on every split; write its metrics and the data of its plots."""
    bundle = Bundle.load(model)
    splits = {name: read_split(prepared / f"{name}.parquet") for name in SPLITS}
    leaks.check_columns(bundle.network.columns)
    leaks.check_splits(splits)
    leaks.check_encoder(bundle.encoder, splits["train"], min_count=min_count)
    scored = {name: score(bundle, rows) for name, rows in splits.items()}
    test = scored["test"]
    intervals = {percent: bundle.interval(test.prediction, test.rows, percent=percent) for percent in PERCENTS}
    write_metrics(all_metrics(bundle, scored, intervals), metrics)
    write_tables(plot_tables(bundle, test, intervals, min_rows=min_slice_rows), plots)


def score(bundle: Bundle, rows: Columns) -> Scored:
    """Have the model predict the rows."""
    normalised = bundle.predict(rows)
    return Scored(rows, normalised, bundle.encoder.scaling.denormalise(normalised))


def all_metrics(bundle: Bundle, splits: Mapping[str, Scored], intervals: IntervalEnds) -> dict[str, float]:
    """The numbers of the metrics file, in its order; the intervals are around the predictions of the test rows."""
    rows = {name: split.rows for name, split in splits.items()}
    baselines = baseline_scores(rows, columns=bundle.network.columns, sizes=bundle.encoder.sizes())
    numbers: dict[str, float] = {}
    for name, split in splits.items():
        numbers |= _named(name, split_metrics(bundle, split))
    numbers |= _named("test", baselines)
    numbers["test_mse_over_ridge"] = numbers[f"test_{MSE}"] / numbers[f"test_ridge_{MSE}"]
    return numbers | _named("test", interval_scores(intervals, splits["test"].actual))


def split_metrics(bundle: Bundle, split: Scored) -> dict[str, float]:
    """The numbers that are known of every split."""
    return {
        **row_counts(split.rows, features=bundle.recipe.features),
        "mse_normalised": mean_squared_error(split.normalised, split.rows[NORMALISED]),
        **prediction_scores(split.prediction, split.actual),
        **noise_floor_scores(split.prediction, split.rows, columns=bundle.network.columns),
    }


def plot_tables(bundle: Bundle, test: Scored, intervals: IntervalEnds, *, min_rows: int) -> dict[str, pd.DataFrame]:
    """The data of the plots, by file name."""
    encoder, errors = bundle.encoder, test.prediction - test.actual
    return {
        "predictions": scatter(test.prediction, test.rows),
        "residuals": histogram(errors),
        "calibration": calibration(test.prediction, test.actual),
        "slices": errors_by_slice(test.rows, errors, encoder=encoder, min_rows=min_rows),
        "coverage": coverage_by_group(test.rows[GROUP], test.actual, intervals, encoder=encoder, min_rows=min_rows),
        "importance": permutation_importance(
            lambda codes: score(bundle, codes).prediction,
            {name: test.rows[name] for name in bundle.network.columns},
            test.actual,
            features=bundle.recipe.features,
        ),
    }


def write_metrics(numbers: Mapping[str, float], path: Path) -> None:
    """Write the numbers as JSON. Raises: ValueError if one is not finite."""
    check_finite(numbers)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as a CSV file of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _named(split: str, numbers: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in numbers.items()}


if __name__ == "__main__":
    main()
