"""Stage 3: a model bundle and the encoded splits → its metrics, the baselines beside them, and plots data."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline import params, versions
from pipeline.data.encoding import UNKNOWN
from pipeline.data.schema import GROUP, TARGET
from pipeline.data.split import SPLITS
from pipeline.evaluation import leaks
from pipeline.evaluation.importance import permutation_importance
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.evaluation.plot_tables import Bands, Columns, calibration, coverage, slices
from pipeline.evaluation.plots import histogram, scatter
from pipeline.evaluation.scorecard import baselines, check_finite, explained, interval_scores, scores
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS
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
    try:
        versions.check("numpy", "pandas", "pyarrow", "safetensors", "torch")
        settings = params.load(params.Evaluate, "evaluate")
        min_count = params.load(params.Prepare, "prepare").min_count
        run(**vars(arguments), min_slice_rows=settings.min_slice_rows, min_count=min_count)
    except (OSError, ValueError) as error:
        sys.exit(f"evaluate {arguments.model.name}: {error}")


def run(*, model: Path, prepared: Path, metrics: Path, plots: Path, min_slice_rows: int, min_count: int) -> None:
    """Check for leaks, score the model on every split; write its metrics and the data of its plots."""
    bundle = Bundle.load(model)
    splits = {name: read_split(prepared / f"{name}.parquet") for name in SPLITS}
    leaks.check_columns(bundle.network.columns)
    leaks.check_splits(splits)
    leaks.check_encoder(bundle.encoder, splits["train"], min_count=min_count)
    for split in splits.values():
        split["prediction"] = bundle.predict(split)
    test = splits["test"]
    dollars = bundle.encoder.scaling.denormalise(test["prediction"])
    bands = {percent: bundle.interval(dollars, test, percent=percent) for percent in PERCENTS}
    numbers = metrics_of(bundle, splits, bands)
    check_finite(numbers)
    metrics.write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    plots.mkdir(parents=True, exist_ok=True)
    for name, table in tables_of(bundle, test, dollars, bands, min_rows=min_slice_rows).items():
        table.to_csv(plots / f"{name}.csv", index=False, lineterminator="\n")


def read_split(path: Path) -> dict[str, np.ndarray]:
    """The split's columns, its rows in the order of their hashes: so the file's own order leaves no trace.

    Shape: each (rows,).
    Raises: ValueError if the split has fewer than two rows.
    """
    table = pq.read_table(path)
    if table.num_rows < 2:
        raise ValueError(f"{path}: a split must have two rows or more to be scored, found {table.num_rows}")
    order = np.argsort(table["row_hash"].to_numpy(), kind="stable")
    return {name: table[name].to_numpy()[order] for name in table.column_names}


def metrics_of(bundle: Bundle, splits: Mapping[str, Columns], bands: Bands) -> dict[str, float]:
    """The numbers of the metrics file, in its order. Shape: each column of a split (rows,); bands of the test rows."""
    columns = bundle.network.columns
    numbers: dict[str, float] = {}
    for name, split in splits.items():
        dollars = bundle.encoder.scaling.denormalise(split["prediction"])
        found = {
            "rows": len(dollars),
            "rows_distinct": len(np.unique(split["row_hash"])),
            "rows_with_unknown": int(np.any([split[name] == UNKNOWN for name in bundle.recipe.features], axis=0).sum()),
            "mse_normalised": mean_squared_error(split["prediction"], split["target"]),
            **scores(dollars, split[TARGET]),
            **explained(dollars, split, columns=columns),
        }
        numbers |= {f"{name}_{key}": value for key, value in found.items()}
    actual = splits["test"][TARGET]
    for name, baseline in baselines(splits, columns=columns, sizes=bundle.encoder.sizes()).items():
        numbers |= {f"test_{name}_{key}": value for key, value in scores(baseline, actual).items()}
    numbers["test_mse_over_ridge"] = numbers["test_mse_usd2"] / numbers["test_ridge_mse_usd2"]
    return numbers | {f"test_{key}": value for key, value in interval_scores(bands, actual).items()}


def tables_of(
    bundle: Bundle, test: Columns, dollars: np.ndarray, bands: Bands, *, min_rows: int
) -> dict[str, pd.DataFrame]:
    """The data of the plots, by file name. Shape: each column, the predicted dollars and the bands (test rows,)."""
    encoder, actual = bundle.encoder, test[TARGET]
    return {
        "predictions": scatter(dollars, test),
        "residuals": histogram(dollars - actual),
        "calibration": calibration(dollars, actual),
        "slices": slices(test, dollars - actual, encoder=encoder, min_rows=min_rows),
        "coverage": coverage(test[GROUP], actual, bands, encoder=encoder, min_rows=min_rows),
        "importance": permutation_importance(
            lambda codes: encoder.scaling.denormalise(bundle.predict(codes)),
            {name: test[name] for name in bundle.network.columns},
            actual,
            features=bundle.recipe.features,
        ),
    }


if __name__ == "__main__":
    main()
