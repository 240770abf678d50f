"""Where a model is good and where it is not: means by value of a feature, by level, by decile of the prediction."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.data.encoding import UNKNOWN, Encoder
from pipeline.data.schema import FEATURES, GROUP

Columns = Mapping[str, np.ndarray]
Bands = Mapping[int, tuple[np.ndarray, np.ndarray]]


def means(codes: np.ndarray, values: Columns, *, names: Sequence[str], min_rows: int) -> pd.DataFrame:
    """Rows and the mean of each of the values by code; `(rarer)` holds the codes of too few rows to stand alone.

    No line stands for fewer rows than `min_rows`.
    Shape: codes and each of the values (rows,); a name per code.

    >>> means(np.array([0, 1, 1]), {"height": np.array([9.0, 2.0, 4.0])}, names=["a", "b"], min_rows=2)
      value  rows  height
    0     b     2     3.0
    """
    alone = np.bincount(codes, minlength=len(names)) >= min_rows
    group = np.where(alone, np.arange(len(names)), len(names))[codes]
    rows = np.bincount(group, minlength=len(names) + 1)
    shown = np.flatnonzero(rows >= min_rows)
    sums = {name: np.bincount(group, column, minlength=len(rows)) for name, column in values.items()}
    return pd.DataFrame(
        {"value": [[*names, "(rarer)"][code] for code in shown], "rows": rows[shown]}
        | {name: total[shown] / rows[shown] for name, total in sums.items()}
    )


def slices(codes: Columns, errors: np.ndarray, *, encoder: Encoder, min_rows: int) -> pd.DataFrame:
    """Mean squared error and bias (the mean of predicted - actual) of the rows that share a value of a feature.

    A slice reads `company_size=M`; `(unknown)` are the values without a code, rare or never seen in training. The last
    slices tell the rows that have such a value in some feature from those that have none.

    Shape: codes of each feature and errors (rows,), in US dollars.
    """
    values = {"mse_usd2": errors**2, "bias_usd": errors}
    parts = {name: means(codes[name], values, names=value_names(encoder, name), min_rows=min_rows) for name in FEATURES}
    unknown = np.any([codes[name] == UNKNOWN for name in FEATURES], axis=0).astype(np.int64)
    parts["features"] = means(unknown, values, names=["(all known)", "(some unknown)"], min_rows=min_rows)
    table = pd.concat(
        [part.assign(slice=[f"{name}={value}" for value in part["value"]]) for name, part in parts.items()],
        ignore_index=True,
    )
    return table[["slice", "rows", *values]]


def calibration(prediction: np.ndarray, actual: np.ndarray) -> pd.DataFrame:
    """Mean predicted and actual salary by tenth of the rows, from the lowest predictions to the highest.

    Equal predictions share a tenth, so there may be fewer. Shape: both (rows,), in US dollars.
    """
    below = np.searchsorted(np.sort(prediction), prediction)  # how many rows have a lower prediction
    values = {"predicted_usd": prediction, "actual_usd": actual}
    table = means(below * 10 // len(prediction), values, names=[str(tenth) for tenth in range(1, 11)], min_rows=1)
    return table.rename(columns={"value": "tenth"})


def coverage(levels: np.ndarray, actual: np.ndarray, bands: Bands, *, encoder: Encoder, min_rows: int) -> pd.DataFrame:
    """The share of salaries inside each interval, and the intervals' mean width, by experience level.

    Shape: levels (codes), actual and the intervals' ends (rows,), in US dollars; bands by percent.
    """
    values = {
        name: column
        for percent, (low, high) in bands.items()
        for name, column in {
            f"coverage{percent}": ((low <= actual) & (actual <= high)).astype(np.float64),
            f"width{percent}_usd": high - low,
        }.items()
    }
    table = means(levels, values, names=value_names(encoder, GROUP), min_rows=min_rows)
    return table.rename(columns={"value": GROUP})


def value_names(encoder: Encoder, feature: str) -> list[str]:
    """What each code of the feature stands for."""
    return ["(unknown)", *map(str, encoder.vocabularies[feature])]
