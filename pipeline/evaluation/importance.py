"""Permutation importance: how much larger a model's error gets when it is told the feature of another row."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from pipeline.data.schema import TEXT, WORDS, in_unit
from pipeline.evaluation.metrics import Columns, mean_squared_error

ROWS, REPEATS, SEED = 4096, 5, 1


def permutation_importance(
    predict: Callable[[Columns], np.ndarray], codes: Columns, actual: np.ndarray, *, features: Sequence[str]
) -> pd.DataFrame:
    """The increase of the mean squared error when one feature's codes are permuted among the rows.

    The code of a text and its words move together. The mean of `REPEATS` seeded permutations, over the first `ROWS`
    rows: in the order of their hashes these are a fair draw. Below zero means chance.

    Shape: codes of each column and actual (rows,), in units of the target as `predict` returns them.
    Source: Breiman, "Random Forests" (2001), as sklearn.inspection.permutation_importance defines it.
    """
    random = np.random.default_rng(SEED)
    codes = {name: column[:ROWS] for name, column in codes.items()}
    actual = actual[:ROWS]
    error = mean_squared_error(predict(codes), actual)
    orders = [random.permutation(len(actual)) for _ in range(REPEATS)]
    increases = []
    for feature in features:
        moved = [name for name in (feature, *(WORDS if feature == TEXT else ())) if name in codes]
        permuted = [predict({**codes, **{name: codes[name][order] for name in moved}}) for order in orders]
        increases.append(sum(mean_squared_error(wrong, actual) for wrong in permuted) / REPEATS - error)
    return pd.DataFrame({"feature": list(features), in_unit("mse_increase", power=2): increases})
