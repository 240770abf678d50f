"""The data of the plots: where a model is good and where it is not, by slice, by group and by tenth of the rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.data.encoding import UNKNOWN, Encoder
from pipeline.data.schema import FEATURES, GROUP, HASH, MSE, STEP, TARGET, in_unit
from pipeline.evaluation.metrics import Columns
from pipeline.evaluation.scorecard import IntervalEnds

SCATTER_ROWS = 1000
RESIDUAL_LIMIT = 20 * STEP  # in units of the target, as STEP


def means_by_code(codes: np.ndarray, values: Columns, *, names: Sequence[str], min_rows: int) -> pd.DataFrame:
    """Rows and the mean of each of the values by code; `(rarer)` holds the codes of too few rows to stand alone.

    No line stands for fewer rows than `min_rows`.
    Shape: codes and each of the values (rows,); a name per code.

    >>> means_by_code(np.array([0, 1, 1]), {"height": np.array([9.0, 2.0, 4.0])}, names=["a", "b"], min_rows=2)
      value  rows  height
    0     b     2     3.0
    """
    group = rare_together(codes, count=len(names), min_rows=min_rows)
    rows = np.bincount(group, minlength=len(names) + 1)  # (codes + 1,)
    shown = np.flatnonzero(rows >= min_rows)
    sums = {name: np.bincount(group, column, minlength=len(rows)) for name, column in values.items()}
    return pd.DataFrame(
        {"value": [[*names, "(rarer)"][code] for code in shown], "rows": rows[shown]}
        | {name: total[shown] / rows[shown] for name, total in sums.items()}
    )


def rare_together(codes: np.ndarray, *, count: int, min_rows: int) -> np.ndarray:
    """The codes, and `count` in place of each that fewer than `min_rows` rows have. Shape: (rows,), returns (rows,).

    >>> rare_together(np.array([0, 1, 1]), count=2, min_rows=2)
    array([2, 1, 1])
    """
    alone = np.bincount(codes, minlength=count) >= min_rows  # (codes,) True where a code has rows enough
    together: np.ndarray = np.where(alone, np.arange(count), count)[codes]
    return together


def errors_by_slice(codes: Columns, errors: np.ndarray, *, encoder: Encoder, min_rows: int) -> pd.DataFrame:
    """Mean squared error and bias (the mean of predicted - actual) of the rows that share a value of a feature.

    A slice reads `feature=value`; `(unknown)` are the values without a code, rare or never seen in training. The last
    slices tell the rows that have such a value in some feature from those that have none.

    Shape: codes of each feature and errors (rows,), in units of the target.
    """
    values = {MSE: errors**2, in_unit("bias"): errors}
    some_unknown = np.any([codes[name] == UNKNOWN for name in FEATURES], axis=0)  # (rows,)
    slices = {name: (codes[name], value_names(encoder, name)) for name in FEATURES}
    slices["features"] = some_unknown.astype(np.int64), ["(all known)", "(some unknown)"]
    tables = []
    for name, (column, names) in slices.items():
        table = means_by_code(column, values, names=names, min_rows=min_rows)
        tables.append(table.assign(slice=[f"{name}={value}" for value in table["value"]]))
    return pd.concat(tables, ignore_index=True)[["slice", "rows", *values]]


def calibration(prediction: np.ndarray, actual: np.ndarray, *, min_rows: int = 1) -> pd.DataFrame:
    """The means of predicted and actual targets by tenth of the rows, from the lowest predictions to the highest.

    Equal predictions share a tenth, so there may be fewer; tenths of fewer rows than `min_rows` are put together.
    Shape: both (rows,), in units of the target.
    """
    lower = np.searchsorted(np.sort(prediction), prediction)  # (rows,): how many rows have a lower prediction
    values = {in_unit("predicted"): prediction, in_unit("actual"): actual}
    tenths = [str(tenth) for tenth in range(1, 11)]
    table = means_by_code(lower * 10 // len(prediction), values, names=tenths, min_rows=min_rows)
    return table.rename(columns={"value": "tenth"})


def coverage_by_group(
    groups: np.ndarray, actual: np.ndarray, intervals: IntervalEnds, *, encoder: Encoder, min_rows: int
) -> pd.DataFrame:
    """The share of targets inside each interval, and the intervals' mean width, by value of the grouping column.

    Shape: groups (codes), actual and the intervals' ends (rows,), in units of the target.
    """
    values = {}
    for percent, (low, high) in intervals.items():
        values[f"coverage{percent}"] = ((low <= actual) & (actual <= high)).astype(np.float64)
        values[in_unit(f"width{percent}")] = high - low
    table = means_by_code(groups, values, names=value_names(encoder, GROUP), min_rows=min_rows)
    return table.rename(columns={"value": GROUP})


def fair_draw(split: Columns, *, rows: int) -> np.ndarray:
    """The positions of at most so many rows: those of the smallest hashes, so each row is as likely as any other.

    Equal rows have one hash, and are drawn together. Shape: the hashes (rows,).
    """
    return np.argsort(split[HASH], kind="stable")[:rows]


def scatter(prediction: np.ndarray, split: Columns, *, min_rows: int = 1) -> pd.DataFrame:
    """Predicted against actual targets of a fair draw of at most `SCATTER_ROWS` rows.

    Where no point may stand for fewer than `min_rows` rows, each is the mean of so many with neighbouring predictions,
    and says how many they are.
    Raises: ValueError if there are fewer rows than that.
    """
    columns = {in_unit("actual"): split[TARGET], in_unit("predicted"): prediction}
    if min_rows == 1:
        chosen = fair_draw(split, rows=SCATTER_ROWS)
        return pd.DataFrame({name: column[chosen].round().astype(int) for name, column in columns.items()})
    if len(prediction) < min_rows:
        rule = f"there must be evaluate.min_slice_rows, {min_rows}, test rows where evaluate.single_rows is false"
        raise ValueError(f"{rule}; found {len(prediction)}: bring more rows")
    order = np.argsort(prediction, kind="stable")  # (rows,) positions, the lowest prediction first
    groups = np.array_split(order, len(order) // min_rows)
    means = {name: [round(column[group].mean()) for group in groups] for name, column in columns.items()}
    return pd.DataFrame({**means, "rows": [len(group) for group in groups]})


def histogram(residuals: np.ndarray) -> pd.DataFrame:
    """How many rows have which residual (predicted - actual), in steps of `STEP`; the ends hold all beyond."""
    steps = np.arange(-RESIDUAL_LIMIT, RESIDUAL_LIMIT + 1, STEP)
    # each residual's nearest step, then its position among the steps: -200,000 is 0, 0 is 20
    nearest = (residuals.clip(-RESIDUAL_LIMIT, RESIDUAL_LIMIT) / STEP).round().astype(int)
    rows = np.bincount(nearest + RESIDUAL_LIMIT // STEP, minlength=len(steps))
    return pd.DataFrame({in_unit("residual"): steps, "rows": rows})


def value_names(encoder: Encoder, feature: str) -> list[str]:
    """What each code of the feature stands for."""
    return ["(unknown)", *map(str, encoder.vocabularies[feature])]
