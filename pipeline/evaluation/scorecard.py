"""The numbers of a model's metrics file: its scores, what can be explained at all, and the baselines beside it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.data.schema import TARGET
from pipeline.evaluation import ridge
from pipeline.evaluation.metrics import mean_absolute_error, mean_squared_error, r2
from pipeline.evaluation.noise_floor import cell_mean, cell_numbers, noise_floor

Columns = Mapping[str, np.ndarray]
Scores = dict[str, float]


def scores(prediction: np.ndarray, actual: np.ndarray) -> Scores:
    """The scores in US dollars. Shape: both (rows,)."""
    mse = mean_squared_error(prediction, actual)
    return {
        "mse_usd2": mse,
        "rmse_usd": math.sqrt(mse),
        "mae_usd": mean_absolute_error(prediction, actual),
        "r2": r2(prediction, actual),
    }


def explained(prediction: np.ndarray, split: Columns, *, columns: Sequence[str]) -> Scores:
    """How much of what can be explained from these columns the model did explain.

    - floor_usd2: the noise floor, see `noise_floor`, equal rows taken for copies; floor_low_usd2: taken for draws. The
      truth lies between; floor_rows_share: the share of rows on which the first is known, and only those count here;
    - mse_over_floor: the model's error as a multiple of the floor;
    - explained_of_explainable: (variance - error) / (variance - floor), 1 is all there is; above 1 is chance or, on
      training rows, overfitting.

    What the rows are too few to say is left out. Shape: prediction (rows,) in US dollars; each column (rows,).
    """
    cells = cell_numbers({name: split[name] for name in columns})
    floor = noise_floor(split[TARGET], cells=cells, rows=split["row_hash"])
    low = noise_floor(split[TARGET], cells=cells, rows=np.arange(len(cells)))
    if floor is None or low is None:
        return {"floor_rows_share": 0.0}
    found = {"floor_usd2": floor.mse, "floor_low_usd2": low.mse, "floor_rows_share": float(floor.known.mean())}
    actual = split[TARGET][floor.known]
    error = mean_squared_error(prediction[floor.known], actual)
    variance = mean_squared_error(np.full(len(actual), actual.mean()), actual)
    if floor.mse > 0:
        found["mse_over_floor"] = error / floor.mse
    if variance > floor.mse:
        found["explained_of_explainable"] = (variance - error) / (variance - floor.mse)
    return found


def baselines(
    splits: Mapping[str, Columns], *, columns: Sequence[str], sizes: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """What a model must beat on the test rows, from the columns that it reads.

    The training mean, the training mean of the row's cell (a combination of codes), and ridge regression.
    Shape: returns (test rows,) US dollars each.
    """
    train, test = splits["train"], splits["test"]
    fitted = ridge.choose(train, splits["valid"], columns=columns, target=TARGET, sizes=sizes)
    return {
        "mean": np.full(len(test[TARGET]), train[TARGET].mean(dtype=np.float64)),
        "cell_mean": cell_mean(train, test, columns=columns, target=TARGET),
        "ridge": fitted.predict({name: test[name] for name in columns}),
    }


def interval_scores(bands: Mapping[int, tuple[np.ndarray, np.ndarray]], actual: np.ndarray) -> Scores:
    """The share of salaries inside each interval, and the interval's mean width. Shape: the ends and actual (rows,)."""
    found: Scores = {}
    for percent, (low, high) in bands.items():
        found[f"interval{percent}_coverage"] = float(((low <= actual) & (actual <= high)).mean())
        found[f"interval{percent}_width_usd"] = math.fsum((high - low).tolist()) / len(actual)
    return found


def check_finite(numbers: Mapping[str, float]) -> None:
    """Raise ValueError if a metric is not a finite number."""
    if wrong := [name for name, value in numbers.items() if not math.isfinite(value)]:
        raise ValueError(f"metrics must be finite, found {', '.join(f'{name} = {numbers[name]}' for name in wrong)}")
