"""Stage 3: a model bundle and the encoded splits → its metrics, the trivial baselines beside them, and plots data."""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline import versions
from pipeline.bundle import Bundle
from pipeline.metrics import mean_absolute_error, mean_squared_error, r2
from pipeline.parent import end_with_parent
from pipeline.schema import TARGET
from pipeline.split import SPLITS

SCATTER_ROWS = 1000
RESIDUAL_STEP = 10_000  # US dollars
RESIDUAL_LIMIT = 200_000


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--prepared", type=Path, required=True, help="folder of the encoded splits")
    parser.add_argument("--metrics", type=Path, required=True, help="JSON file of the metrics")
    parser.add_argument("--plots", type=Path, required=True, help="folder of the plots data")
    arguments = parser.parse_args(argv)
    end_with_parent()
    try:
        versions.check("numpy", "pandas", "pyarrow", "safetensors", "torch")
        run(**vars(arguments))
    except (OSError, ValueError) as error:
        sys.exit(f"evaluate {arguments.model.name}: {error}")


def run(*, model: Path, prepared: Path, metrics: Path, plots: Path) -> None:
    """Score the model on every split; write its metrics and the data of its plots."""
    bundle = Bundle.load(model)
    splits = {name: read_split(prepared / f"{name}.parquet", bundle.network.columns) for name in SPLITS}
    predictions = {name: bundle.predict(split) for name, split in splits.items()}
    dollars = {name: bundle.encoder.scaling.to_dollars(prediction) for name, prediction in predictions.items()}
    numbers: dict[str, float] = {}
    for name, split in splits.items():
        numbers[f"{name}_rows"] = len(split[TARGET])
        numbers[f"{name}_mse_normalised"] = mean_squared_error(predictions[name], split["target"])
        numbers |= {f"{name}_{key}": value for key, value in scores(dollars[name], split[TARGET]).items()}
    cells = list(bundle.recipe.features)
    for name, baseline in baselines(splits["train"], splits["test"], cells=cells).items():
        numbers |= {f"test_{name}_{key}": value for key, value in scores(baseline, splits["test"][TARGET]).items()}
    check_finite(numbers)
    metrics.write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    plots.mkdir(parents=True, exist_ok=True)
    scatter(dollars["test"], splits["test"]).to_csv(plots / "predictions.csv", index=False, lineterminator="\n")
    histogram(dollars["test"] - splits["test"][TARGET]).to_csv(
        plots / "residuals.csv", index=False, lineterminator="\n"
    )


def read_split(path: Path, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """The split's columns of codes, its target in both units and its rows' hashes. Shape: each (rows,)."""
    table = pq.read_table(path, columns=[*columns, "target", TARGET, "row_hash"])
    if table.num_rows < 2:
        raise ValueError(f"{path}: a split must have two rows or more to be scored, found {table.num_rows}")
    return {name: table[name].to_numpy() for name in table.column_names}


def scores(prediction: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    """The scores in US dollars. Shape: both (rows,)."""
    mse = mean_squared_error(prediction, actual)
    return {
        "mse_usd2": mse,
        "rmse_usd": math.sqrt(mse),
        "mae_usd": mean_absolute_error(prediction, actual),
        "r2": r2(prediction, actual),
    }


def baselines(
    train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], *, cells: Sequence[str]
) -> dict[str, np.ndarray]:
    """What a model must beat on the test rows: the training mean, and the training mean of the row's feature cell.

    A cell is a combination of the features' codes; a cell without training rows gets the training mean.
    Shape: returns (test rows,) US dollars each.
    """
    mean = float(train[TARGET].mean(dtype=np.float64))
    frame = pd.DataFrame({name: train[name] for name in (*cells, TARGET)})
    means = frame.groupby(list(cells), sort=False)[TARGET].mean().rename("mean").reset_index()
    found = pd.DataFrame({name: test[name] for name in cells}).merge(means, how="left", on=list(cells))["mean"]
    return {"mean": np.full(len(found), mean), "cell_mean": found.fillna(mean).to_numpy()}


def scatter(prediction: np.ndarray, split: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Predicted against actual salaries of at most `SCATTER_ROWS` rows: the smallest hashes, so a fair draw."""
    chosen = np.argsort(split["row_hash"], kind="stable")[:SCATTER_ROWS]
    return pd.DataFrame({"actual_usd": split[TARGET][chosen], "predicted_usd": prediction[chosen].round().astype(int)})


def histogram(residuals: np.ndarray) -> pd.DataFrame:
    """How many rows have which residual (predicted - actual), in steps of `RESIDUAL_STEP`; the ends hold all beyond."""
    steps = np.arange(-RESIDUAL_LIMIT, RESIDUAL_LIMIT + 1, RESIDUAL_STEP)
    nearest = (residuals.clip(-RESIDUAL_LIMIT, RESIDUAL_LIMIT) / RESIDUAL_STEP).round().astype(int)
    rows = np.bincount(nearest + RESIDUAL_LIMIT // RESIDUAL_STEP, minlength=len(steps))
    return pd.DataFrame({"residual_usd": steps, "rows": rows})


def check_finite(numbers: Mapping[str, float]) -> None:
    """Raise ValueError if a metric is not a finite number."""
    if wrong := [name for name, value in numbers.items() if not math.isfinite(value)]:
        raise ValueError(f"metrics must be finite, found {', '.join(f'{name} = {numbers[name]}' for name in wrong)}")


if __name__ == "__main__":
    main()
