"""The numbers of a model's metrics file: its scores, what can be explained at all, and the baselines beside it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.data.encoding import UNKNOWN
from pipeline.data.schema import FEATURES, HASH, MAE, MSE, RMSE, TARGET, in_unit
from pipeline.evaluation.bootstrap import interval, redrawn, sums_by_block
from pipeline.evaluation.metrics import Columns, mean_absolute_error, mean_squared_error, r2
from pipeline.evaluation.noise_floor import cell_mean, cell_numbers, noise_floor
from pipeline.evaluation.ridge import fit_best_penalty

SEED = 1
IntervalEnds = Mapping[int, tuple[np.ndarray, np.ndarray]]
"""The lower and the upper ends of intervals by their percent, in units of the target. Shape: each end (rows,)."""


def row_counts(split: Columns, *, features: Sequence[str]) -> dict[str, float]:
    """How many rows there are, how many different ones, and how many with a value of a feature that has no code."""
    unknown = np.any([split[name] == UNKNOWN for name in features], axis=0)
    distinct = len(np.unique(split[HASH]))
    return {"rows": len(split[HASH]), "rows_distinct": distinct, "rows_with_unknown": int(unknown.sum())}


def prediction_scores(prediction: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    """How far predictions are from the truth. Shape: both (rows,), in units of the target."""
    mse = mean_squared_error(prediction, actual)
    return {MSE: mse, RMSE: math.sqrt(mse), MAE: mean_absolute_error(prediction, actual), "r2": r2(prediction, actual)}


def noise_floor_scores(prediction: np.ndarray, split: Columns, *, columns: Sequence[str]) -> dict[str, float]:
    """How much of what can be explained from these columns the model did explain.

    - floor, in squared units: the noise floor, see `noise_floor`, equal rows taken for copies; floor_low: taken for
      draws. The truth lies between; floor_rows_share: the share of rows on which the first is known, and only those
      count here;
    - mse_over_floor: the model's error as a multiple of the floor;
    - explained_of_explainable: (variance - error) / (variance - floor), 1 is all there is; above 1 is chance or, on
      training rows, overfitting.

    What the rows are too few to say is left out. Shape: prediction (rows,) in units of the target; each column (rows,).
    """
    cells = cell_numbers({name: split[name] for name in columns})
    floor = noise_floor(split[TARGET], cells=cells, rows=split[HASH])
    low = noise_floor(split[TARGET], cells=cells, rows=np.arange(len(cells)))
    if floor is None or low is None:
        return {"floor_rows_share": 0.0}
    scores = {
        in_unit("floor", power=2): floor.mse,
        in_unit("floor_low", power=2): low.mse,
        "floor_rows_share": float(floor.known.mean()),
    }
    actual = split[TARGET][floor.known]
    error = mean_squared_error(prediction[floor.known], actual)
    variance = mean_squared_error(np.full(len(actual), actual.mean()), actual)
    if floor.mse > 0:
        scores["mse_over_floor"] = error / floor.mse
    if variance > floor.mse:
        scores["explained_of_explainable"] = (variance - error) / (variance - floor.mse)
    return scores


def baseline_scores(
    prediction: np.ndarray, splits: Mapping[str, Columns], *, columns: Sequence[str], sizes: Mapping[str, int]
) -> dict[str, float]:
    """The scores on the test rows of what a model must beat there, each name behind that of its baseline.

    From the columns that the model reads: the training mean, the training mean of the row's cell (a combination of
    codes), and ridge regression, beside which the model's predictions stand. `sizes` says how many codes each column
    can hold. Shape: prediction (test rows,), in units of the target.
    """
    train, test = splits["train"], splits["test"]
    ridge = fit_best_penalty(train, splits["valid"], columns=columns, sizes=sizes)
    predictions = {  # each (test rows,), in units of the target
        "mean": np.full(len(test[TARGET]), train[TARGET].mean(dtype=np.float64)),
        "cell_mean": cell_mean(train, test, columns=columns),
        "ridge": ridge.predict({name: test[name] for name in columns}),
    }
    scores = {
        f"{name}_{score}": value
        for name, prediction in predictions.items()
        for score, value in prediction_scores(prediction, test[TARGET]).items()
    }
    errors = (each - test[TARGET] for each in (prediction, predictions["ridge"]))
    low, high = ratio_interval(*errors, cells=cell_numbers({name: test[name] for name in FEATURES}))
    ratio = mean_squared_error(prediction, test[TARGET]) / scores[f"ridge_{MSE}"]
    return {**scores, "mse_over_ridge": ratio, "mse_over_ridge_low": low, "mse_over_ridge_high": high}


def ratio_interval(errors: np.ndarray, others: np.ndarray, *, cells: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the ratio of two mean squared errors on the same rows: whole cells are drawn anew.

    Shape: all (rows,), cells numbered from 0. Units: errors are in the target's unit.
    """
    sums = sums_by_block((errors**2, others**2), cells)  # (blocks, 2)
    ours, theirs = redrawn(sums, rng=np.random.default_rng(SEED)).T
    (low,), (high,) = interval((ours / np.maximum(theirs, 1.0))[:, np.newaxis])  # a draw may have no error at all
    return float(low), float(high)


def interval_scores(prediction: np.ndarray, intervals: IntervalEnds, actual: np.ndarray) -> dict[str, float]:
    """The share of targets inside each interval, of all rows and of the tenth with the lowest predictions; mean widths.

    Shape: prediction, the ends and actual (rows,).
    """
    lowest = prediction <= np.quantile(prediction, 0.1)
    scores: dict[str, float] = {}
    for percent, (low, high) in intervals.items():
        inside = (low <= actual) & (actual <= high)
        scores[f"coverage{percent}"] = float(inside.mean())
        scores[f"coverage{percent}_lowest_tenth"] = float(inside[lowest].mean())
        scores[in_unit(f"width{percent}")] = math.fsum((high - low).tolist()) / len(actual)
    return scores


def check_finite(scores: Mapping[str, float]) -> None:
    """Raise ValueError if a metric is not a finite number."""
    if wrong := [f"{name} = {value}" for name, value in scores.items() if not math.isfinite(value)]:
        raise ValueError(f"metrics must be finite, found {', '.join(wrong)}")
