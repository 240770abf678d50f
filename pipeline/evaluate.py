"""Stage 3: a model bundle and the encoded splits → its metrics, the baselines beside them, and plots data."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline import params, versions
from pipeline.data.schema import FEATURES, GROUP, HASH, MSE, NORMALISED, TARGET
from pipeline.data.split import SPLITS
from pipeline.evaluation import leaks, plot_tables, scorecard
from pipeline.evaluation.metrics import Columns, mean_squared_error
from pipeline.inference.predictions import Predictions, predict
from pipeline.model.bundle import Bundle
from pipeline.runtime.arguments import recipe_name
from pipeline.runtime.command import WAY_BACK, command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.lifetime import end_with_parent


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=recipe_name, help="name of a recipe, or of its stage: evaluate@full")
    parser.add_argument("--models", type=Path, required=True, help="folder in which its bundle is a folder")
    parser.add_argument("--prepared", type=Path, required=True, help="folder of the encoded splits")
    parser.add_argument("--metrics", type=Path, required=True, help="folder in which it gets a JSON file of metrics")
    parser.add_argument("--plots", type=Path, required=True, help="folder in which it gets that of its plots data")
    arguments = parser.parse_args(argv)
    name = arguments.recipe
    end_with_parent()
    with command(f"evaluate {name}", advice=WAY_BACK):
        params.check(FEATURES)
        versions.check("numpy", "pandas", "pyarrow", "safetensors", "torch")
        run(
            model=arguments.models / name,
            prepared=arguments.prepared,
            metrics=arguments.metrics / f"{name}.json",
            plots=arguments.plots / name,
            min_slice_rows=params.load(params.Evaluate, "evaluate").min_slice_rows,
            min_count=params.load(params.Prepare, "prepare").min_count,
        )


def run(*, model: Path, prepared: Path, metrics: Path, plots: Path, min_slice_rows: int, min_count: int) -> None:
    """Check for leaks, score the model on every split; write its metrics and the data of its plots."""
    bundle = Bundle.load(model)
    splits = {name: read_split(prepared / f"{name}.parquet") for name in SPLITS}
    leaks.check_columns(bundle.network.columns)
    leaks.check_splits(splits)
    leaks.check_encoder(bundle.encoder, splits["train"], min_count=min_count)
    predictions = {name: predict(bundle, rows) for name, rows in splits.items()}
    numbers = all_metrics(bundle, splits, predictions)
    tables = plots_data(bundle, splits["test"], predictions["test"], min_rows=min_slice_rows)
    scorecard.check_finite(numbers)
    with drafts() as draft_of:
        draft_of(metrics).write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        for name, table in tables.items():
            table.to_csv(draft_of(plots / f"{name}.csv"), index=False, lineterminator="\n")


def read_split(path: Path) -> dict[str, np.ndarray]:
    """The split's columns, with the rows sorted by their hashes: so the file's own order leaves no trace.

    Shape: each (rows,).
    Raises: ValueError if the split has fewer than two rows.
    """
    table = pq.read_table(path)
    if table.num_rows < 2:
        raise ValueError(f"{path}: a split must have two rows or more to be scored, found {table.num_rows}")
    order = np.argsort(table[HASH].to_numpy(), kind="stable")
    return {name: table[name].to_numpy()[order] for name in table.column_names}


def all_metrics(
    bundle: Bundle, splits: Mapping[str, Columns], predictions: Mapping[str, Predictions]
) -> dict[str, float]:
    """The numbers of the metrics file, in its order: those of each split, then what is known of the test rows alone."""
    columns, test, normalise = bundle.network.columns, predictions["test"], bundle.encoder.scaling.normalise
    numbers: dict[str, float] = {}
    for name, rows in splits.items():
        found = predictions[name]
        numbers |= _prefixed(name, scorecard.row_counts(rows, features=bundle.recipe.features))
        numbers[f"{name}_mse_normalised"] = mean_squared_error(normalise(found.predicted), rows[NORMALISED])
        numbers |= _prefixed(name, scorecard.prediction_scores(found.predicted, rows[TARGET]))
        numbers |= _prefixed(name, scorecard.noise_floor_scores(found.predicted, rows, columns=columns))
    numbers |= _prefixed("test", scorecard.baseline_scores(splits, columns=columns, sizes=bundle.encoder.sizes()))
    numbers["test_mse_over_ridge"] = numbers[f"test_{MSE}"] / numbers[f"test_ridge_{MSE}"]
    return numbers | _prefixed(
        "test", scorecard.interval_scores(test.predicted, test.intervals, splits["test"][TARGET])
    )


def plots_data(bundle: Bundle, test: Columns, found: Predictions, *, min_rows: int) -> dict[str, pd.DataFrame]:
    """The data of the plots, by file name: the test rows, and what is predicted for them."""
    encoder, actual = bundle.encoder, test[TARGET]
    errors = found.predicted - actual
    return {
        "predictions": plot_tables.scatter(found.predicted, test),
        "residuals": plot_tables.histogram(errors),
        "calibration": plot_tables.calibration(found.predicted, actual),
        "slices": plot_tables.errors_by_slice(test, errors, encoder=encoder, min_rows=min_rows),
        "coverage": plot_tables.coverage_by_group(
            test[GROUP], actual, found.intervals, encoder=encoder, min_rows=min_rows
        ),
        "importance": plot_tables.permutation_importance(
            bundle.predict,
            test,
            actual,
            features=bundle.recipe.features,
        ),
    }


def _prefixed(split: str, numbers: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in numbers.items()}


if __name__ == "__main__":
    main()
