"""The numbers of a model's metrics file: its scores, what can be explained at all, and the baselines beside it.

Rows come in blocks, the same for any number of passes; what is predicted comes by cell.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pipeline.data.encoding import UNKNOWN
from pipeline.data.schema import MAE, MSE, RMSE, TARGET, in_unit
from pipeline.evaluation import ridge
from pipeline.evaluation.bootstrap import blocks_of, interval, redrawn
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.exact_sum import ExactSum, exact_mean
from pipeline.evaluation.metrics import CELL, FEATURE_CELL, PREDICTED, Columns
from pipeline.evaluation.noise_floor import CellTotals, cell_mean, noise_floors
from pipeline.evaluation.sorted_rows import SortedRows

SEED = 1
IntervalEnds = Mapping[int, tuple[np.ndarray, np.ndarray]]
"""The lower and the upper ends of intervals by their percent, in units of the target. Shape: each end (rows,)."""


def row_counts(cells: Cells, totals: CellTotals, *, features: Sequence[str]) -> dict[str, float]:
    """How many rows there are, how many different ones, and how many with a value of a feature that has no code."""
    codes = cells.codes
    unknown = np.any([codes[name] == UNKNOWN for name in features], axis=0)  # (cells,)
    counts = {"rows": totals.rows, "rows_distinct": totals.different, "rows_with_unknown": totals.rows[unknown]}
    return {name: int(count.sum()) for name, count in counts.items()}


def squared_error(blocks: Iterable[Columns], predicted: np.ndarray, *, target: str = TARGET) -> float:
    """The mean squared error of what is predicted for each cell. Shape: predicted (cells,), in the target's unit."""
    return exact_mean((predicted[block[CELL]] - block[target].astype(np.float64)) ** 2 for block in blocks)


def prediction_scores(blocks: Iterable[Columns], predicted: np.ndarray) -> dict[str, float]:
    """How far predictions are from the truth. Shape: predicted (cells,), in units of the target.

    Raises: ValueError if the target is constant: then there is nothing to explain.
    """
    mean, rows = exact_mean(block[TARGET].astype(np.float64) for block in blocks), 0
    squares, sizes, variance = ExactSum(), ExactSum(), ExactSum()
    targets: set[float] = set()  # the smallest and the largest of each block
    for block in blocks:
        target = block[TARGET].astype(np.float64)
        errors = predicted[block[CELL]] - target  # (rows,)
        for total, values in ((squares, errors**2), (sizes, np.abs(errors)), (variance, (target - mean) ** 2)):
            total.add(values)
        rows += len(target)
        targets |= {target.min(), target.max()}
    if len(targets) == 1:  # the variance of a constant may be a rounding error above 0
        raise ValueError(f"R2 needs a target that varies, found {rows} rows of {targets.pop():g}")
    mse = squares.value / rows
    return {MSE: mse, RMSE: math.sqrt(mse), MAE: sizes.value / rows, "r2": 1.0 - mse / (variance.value / rows)}


def noise_floor_scores(blocks: Iterable[Columns], predicted: np.ndarray, totals: CellTotals) -> dict[str, float]:
    """How much of what can be explained from the columns that the model reads it did explain.

    - floor, in squared units: the noise floor, see `noise_floors`, equal rows taken for copies; floor_low: taken for
      draws. The truth lies between; floor_rows_share: the share of rows on which the first is known, and only those
      count here;
    - mse_over_floor: the model's error as a multiple of the floor;
    - explained_of_explainable: (variance - error) / (variance - floor), 1 is all there is; above 1 is chance or, on
      training rows, overfitting.

    What the rows are too few to say is left out. Shape: predicted (cells,), in units of the target.
    """
    floor, low = noise_floors(blocks, totals)
    if floor is None or low is None:
        return {"floor_rows_share": 0.0}
    scores = {
        in_unit("floor", power=2): floor.mse,
        in_unit("floor_low", power=2): low.mse,
        "floor_rows_share": float(totals.rows[floor.known].sum() / totals.rows.sum()),
    }
    error, variance = _error_and_variance(blocks, predicted, known=floor.known, mean=totals.mean_of(floor.known))
    if floor.mse > 0:
        scores["mse_over_floor"] = error / floor.mse
    if variance > floor.mse:
        scores["explained_of_explainable"] = (variance - error) / (variance - floor.mse)
    return scores


def _error_and_variance(
    blocks: Iterable[Columns], predicted: np.ndarray, *, known: np.ndarray, mean: float
) -> tuple[float, float]:
    """The mean squared errors of the predictions, and of the mean, on the rows of some cells. Shape: both (cells,)."""
    error, variance, rows = ExactSum(), ExactSum(), 0
    for block in blocks:
        chosen = known[block[CELL]]
        target = block[TARGET][chosen].astype(np.float64)
        error.add((predicted[block[CELL][chosen]] - target) ** 2)
        variance.add((mean - target) ** 2)
        rows += len(target)
    return error.value / rows, variance.value / rows


def baseline_scores(
    splits: Mapping[str, SortedRows], train: CellTotals, *, sizes: Mapping[str, int], feature_cells: int
) -> dict[str, float]:
    """The scores on the test rows of what a model must beat there, each name behind that of its baseline.

    From the columns that the model reads: the training mean, the training mean of the row's cell (a combination of
    codes), and ridge regression, beside which the model's predictions stand. `sizes` says how many codes each column
    can hold, `feature_cells` how many cells the test rows have by all features.
    """
    test, known = splits["test"], splits["train"].cells
    of_ridge = best_ridge(known, train, splits["valid"], sizes=sizes).predict(test.cells.codes)
    predictions = {  # each (test cells,), in units of the target
        "mean": np.full(len(test.cells), train.mean_of(train.rows > 0)),
        "cell_mean": cell_mean(train, test.cells.numbers_in(known)),
        "ridge": of_ridge,
    }
    scores = {
        f"{name}_{score}": value
        for name, predicted in predictions.items()
        for score, value in prediction_scores(test, predicted).items()
    }
    errors = (
        (block[PREDICTED] - block[TARGET], of_ridge[block[CELL]] - block[TARGET], block[FEATURE_CELL]) for block in test
    )
    low, high = ratio_interval(errors, cells=feature_cells)
    ratio = squared_error(test, test.predicted) / scores[f"ridge_{MSE}"]
    return {**scores, "mse_over_ridge": ratio, "mse_over_ridge_low": low, "mse_over_ridge_high": high}


def best_ridge(cells: Cells, train: CellTotals, valid: SortedRows, *, sizes: Mapping[str, int]) -> ridge.Ridge:
    """The ridge regression of the training rows whose penalty is best on the validation rows."""
    unseen = valid.cells.codes

    def error(fitted: ridge.Ridge) -> float:
        return squared_error(valid, fitted.predict(unseen))

    return ridge.fit_best_penalty(cells.codes, train.mean, rows=train.rows, sizes=sizes, error=error)


def ratio_interval(blocks: Iterable[Sequence[np.ndarray]], *, cells: int) -> tuple[float, float]:
    """The 95 % interval of the ratio of two mean squared errors on the same rows: whole cells are drawn anew.

    Shape: each block two arrays of errors, in units of the target, and the numbers of so many cells, all (rows,).
    """
    sums = np.zeros((2, blocks_of(cells)))
    for *errors, numbers in blocks:
        for total, each in zip(sums, errors, strict=True):
            np.add.at(total, numbers % len(total), each**2)
    ours, theirs = redrawn(sums.T, rng=np.random.default_rng(SEED)).T
    (low,), (high,) = interval((ours / np.maximum(theirs, 1.0))[:, np.newaxis])  # a draw may have no error at all
    return float(low), float(high)


def interval_scores(
    blocks: Iterable[Columns], intervals: Callable[[Columns], IntervalEnds], *, lowest: float
) -> dict[str, float]:
    """The share of targets inside each interval, of all rows and of those with predictions up to `lowest`; mean widths.

    Shape: the ends of a block's intervals (rows,).
    """
    rows, inside, widths = Counter[str](), Counter[str](), defaultdict[int, ExactSum](ExactSum)
    for block in blocks:
        low_row = block[PREDICTED] <= lowest
        rows.update({"": len(low_row), "_lowest_tenth": int(low_row.sum())})
        for percent, (low, high) in intervals(block).items():
            hit = (low <= block[TARGET]) & (block[TARGET] <= high)
            inside.update({f"{percent}": int(hit.sum()), f"{percent}_lowest_tenth": int((hit & low_row).sum())})
            widths[percent].add(high - low)
    scores: dict[str, float] = {}
    for percent, width in widths.items():
        scores |= {f"coverage{percent}{part}": inside[f"{percent}{part}"] / count for part, count in rows.items()}
        scores[in_unit(f"width{percent}")] = width.value / rows[""]
    return scores


def check_finite(scores: Mapping[str, float]) -> None:
    """Raise ValueError if a metric is not a finite number."""
    if wrong := [f"{name} = {value}" for name, value in scores.items() if not math.isfinite(value)]:
        raise ValueError(f"metrics must be finite, found {', '.join(wrong)}")
