"""The data of the scatter plot and of the histogram of residuals."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.data.schema import TARGET

SCATTER_ROWS = 1000
RESIDUAL_STEP = 10_000  # US dollars
RESIDUAL_LIMIT = 200_000


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
