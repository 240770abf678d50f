"""The data of the plots: where a model is good and where it is not, by slice, by group and by tenth of the rows."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.encoding import UNKNOWN, Encoder
from pipeline.data.external_sort import sort
from pipeline.data.schema import FEATURES, GROUP, HASH, MSE, STEP, TARGET, in_unit
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.metrics import CELL, FEATURE_CELL, PREDICTED, Columns
from pipeline.evaluation.ranks import rows_below
from pipeline.evaluation.scorecard import IntervalEnds

SCATTER_ROWS = 1000
SCATTERED = {in_unit("actual"): TARGET, in_unit("predicted"): PREDICTED}
RESIDUAL_LIMIT = 20 * STEP  # in units of the target, as STEP


class MeansByCode:
    """Rows and the mean of each of some values by code; `(rarer)` holds the codes of too few rows to stand alone.

    No line stands for fewer rows than `min_rows`. Shape: rows (codes,), how many have each; a name per code.

    >>> means = MeansByCode(np.array([1, 2]), names=["a", "b"], min_rows=2)
    >>> means.add(np.array([0, 1, 1]), {"height": np.array([9.0, 2.0, 4.0])})
    >>> means.table()
      value  rows  height
    0     b     2     3.0
    """

    def __init__(self, rows: np.ndarray, *, names: Sequence[str], min_rows: int) -> None:
        self._group = rare_together(rows, min_rows=min_rows)  # (codes,)
        self._rows = np.bincount(self._group, rows, minlength=len(rows) + 1).astype(np.int64)
        self._shown = np.flatnonzero(self._rows >= min_rows)
        self._names = [*names, "(rarer)"]
        self._sums: dict[str, np.ndarray] = {}

    def add(self, codes: np.ndarray, values: Columns) -> None:
        """Add the values of some rows. Shape: codes and each of the values (rows,)."""
        for name, column in values.items():
            sums = self._sums.setdefault(name, np.zeros(len(self._rows)))
            np.add.at(sums, self._group[codes], column)

    def table(self) -> pd.DataFrame:
        """One line for each code, or for the rare ones, of rows enough."""
        shown = self._shown
        means = {name: sums[shown] / self._rows[shown] for name, sums in self._sums.items()}
        return pd.DataFrame({"value": [self._names[code] for code in shown], "rows": self._rows[shown]} | means)


def rare_together(rows: np.ndarray, *, min_rows: int) -> np.ndarray:
    """Each code, and in place of each that fewer than `min_rows` rows have the number of codes. Shape: (codes,).

    >>> rare_together(np.array([1, 2]), min_rows=2)
    array([2, 1])
    """
    return np.where(rows >= min_rows, np.arange(len(rows)), len(rows))


def errors_by_slice(blocks: Iterable[Columns], cells: Cells, *, encoder: Encoder, min_rows: int) -> pd.DataFrame:
    """Mean squared error and bias (the mean of predicted - actual) of the rows that share a value of a feature.

    A slice reads `feature=value`; `(unknown)` are the values without a code, rare or never seen in training. The last
    slices tell the rows that have such a value in some feature from those that have none.

    `cells` are those of the rows by all features.
    """
    some_unknown = np.any([cells.codes[name] == UNKNOWN for name in FEATURES], axis=0).astype(np.int64)  # (cells,)
    slices = {name: (cells.codes[name], value_names(encoder, name)) for name in FEATURES}
    slices["features"] = some_unknown, ["(all known)", "(some unknown)"]
    means = {
        name: MeansByCode(np.bincount(codes, cells.rows, minlength=len(names)), names=names, min_rows=min_rows)
        for name, (codes, names) in slices.items()
    }
    for block in blocks:
        errors = block[PREDICTED] - block[TARGET]
        for name, (codes, _) in slices.items():
            means[name].add(codes[block[FEATURE_CELL]], {MSE: errors**2, in_unit("bias"): errors})
    tables = [(name, each.table()) for name, each in means.items()]
    named = [table.assign(slice=[f"{name}={value}" for value in table["value"]]) for name, table in tables]
    return pd.concat(named, ignore_index=True)[["slice", "rows", MSE, in_unit("bias")]]


def calibration(blocks: Iterable[Columns], cells: Cells, predicted: np.ndarray, *, min_rows: int = 1) -> pd.DataFrame:
    """The means of predicted and actual targets by tenth of the rows, from the lowest predictions to the highest.

    Equal predictions share a tenth, so there may be fewer; tenths of fewer rows than `min_rows` are put together.
    Shape: predicted (cells,) by what the model reads, in units of the target.
    """
    tenths = rows_below(predicted, cells.rows) * 10 // cells.rows.sum()  # (cells,)
    names = [str(tenth) for tenth in range(1, 11)]
    means = MeansByCode(np.bincount(tenths, cells.rows, minlength=10), names=names, min_rows=min_rows)
    for block in blocks:
        values = {in_unit("predicted"): block[PREDICTED], in_unit("actual"): block[TARGET]}
        means.add(tenths[block[CELL]], values)
    return means.table().rename(columns={"value": "tenth"})


def coverage_by_group(
    blocks: Iterable[Columns],
    cells: Cells,
    intervals: Callable[[Columns], IntervalEnds],
    *,
    encoder: Encoder,
    min_rows: int,
) -> pd.DataFrame:
    """The share of targets inside each interval, and the intervals' mean width, by value of the grouping column.

    `cells` are those of the rows by all features. Shape: the ends of a block's intervals (rows,).
    """
    names, codes = value_names(encoder, GROUP), cells.codes[GROUP]
    means = MeansByCode(cells.rows_by_code(GROUP, codes=len(names)), names=names, min_rows=min_rows)
    for block in blocks:
        values = {}
        for percent, (low, high) in intervals(block).items():
            values[f"coverage{percent}"] = ((low <= block[TARGET]) & (block[TARGET] <= high)).astype(np.float64)
            values[in_unit(f"width{percent}")] = high - low
        means.add(codes[block[FEATURE_CELL]], values)
    return means.table().rename(columns={"value": GROUP})


def fair_draw(split: Columns, *, rows: int) -> np.ndarray:
    """The positions of at most so many rows: those of the smallest hashes, so each row is as likely as any other.

    Equal rows have one hash, and are drawn together. Shape: the hashes (rows,).
    """
    return np.argsort(split[HASH], kind="stable")[:rows]


def scatter(split: Columns) -> pd.DataFrame:
    """Predicted against actual targets of a fair draw of at most `SCATTER_ROWS` rows. Shape: each column (rows,)."""
    chosen = fair_draw(split, rows=SCATTER_ROWS)
    return pd.DataFrame({name: split[column][chosen].round().astype(int) for name, column in SCATTERED.items()})


def scatter_of_groups(blocks: Iterable[Columns], folder: Path, *, rows: int, min_rows: int) -> pd.DataFrame:
    """Predicted against actual targets where no point may stand for fewer than `min_rows` of the rows.

    Each is the mean of so many with neighbouring predictions, or of more, so that there are at most `SCATTER_ROWS`
    points, and says how many they are. The rows are sorted in a folder, which is made.
    Raises: ValueError if there are fewer rows than that.
    """
    if rows < min_rows:
        rule = f"there must be evaluate.min_slice_rows, {min_rows}, test rows where evaluate.single_rows is false"
        raise ValueError(f"{rule}; found {rows}: bring more rows")
    points = min(rows // min_rows, SCATTER_ROWS)
    sizes = [rows // points + (point < rows % points) for point in range(points)]  # the first have one more
    dtype = np.dtype([(column, np.float64) for column in SCATTERED.values()])
    by_prediction = sort((_structured(block, dtype) for block in blocks), folder, by=PREDICTED)
    means = [
        {name: round(part[column].mean()) for name, column in SCATTERED.items()} for part in by_prediction.parts(sizes)
    ]
    return pd.DataFrame(means).assign(rows=sizes)


def _structured(block: Columns, dtype: np.dtype[Any]) -> np.ndarray:
    rows = np.empty(len(block[PREDICTED]), dtype)
    for name in dtype.names or ():
        rows[name] = block[name]
    return rows


def histogram(errors: Iterable[np.ndarray]) -> pd.DataFrame:
    """How many rows have which residual (predicted - actual), in steps of `STEP`; the ends hold all beyond."""
    steps = np.arange(-RESIDUAL_LIMIT, RESIDUAL_LIMIT + 1, STEP)
    rows = np.zeros(len(steps), np.int64)
    for residuals in errors:
        # each residual's nearest step, then its position among the steps: -200,000 is 0, 0 is 20
        nearest = (residuals.clip(-RESIDUAL_LIMIT, RESIDUAL_LIMIT) / STEP).round().astype(int)
        rows += np.bincount(nearest + RESIDUAL_LIMIT // STEP, minlength=len(steps))
    return pd.DataFrame({in_unit("residual"): steps, "rows": rows})


def value_names(encoder: Encoder, feature: str) -> list[str]:
    """What each code of the feature stands for."""
    return ["(unknown)", *map(str, encoder.vocabularies[feature])]
