"""What each feature of a model is worth, with how far that is off by chance, and what the feature costs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.data.encoding import UNKNOWN
from pipeline.data.schema import FEATURES, TARGET, columns_of, in_unit
from pipeline.evaluation.bootstrap import ROUNDS, interval, redrawn
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.metrics import Columns
from pipeline.evaluation.noise_floor import cell_numbers
from pipeline.evaluation.plot_tables import fair_draw

ROWS, REPEATS, SEED = 4096, 5, 1

Predict = Callable[[Columns], np.ndarray]


def permutation_importance(predict: Predict, split: Columns, *, features: Sequence[str]) -> pd.DataFrame:
    """Permutation importance: the increase of the mean squared error when one feature's codes move to other rows.

    The code of a text and its words move together. It is the mean of `REPEATS` seeded permutations over a fair draw of
    at most `ROWS` rows. The 95 % interval comes of drawing anew both the cells (all rows of equal features together)
    and the permutations: only one above zero shows that the feature is worth something.

    Shape: each column of the split (rows,); `predict` returns (rows,) in units of the target.
    Source: Breiman, "Random Forests" (2001), as sklearn.inspection.permutation_importance defines it.
    """
    chosen = fair_draw(split, rows=ROWS)
    split = {name: column[chosen] for name, column in split.items()}
    increases = squared_error_increases(predict, split, features=features)  # (rows, features * REPEATS)
    cells = cell_numbers({name: split[name] for name in FEATURES})
    columns = [np.ones(len(cells)), *increases.T]  # the first counts the rows
    rng = np.random.default_rng(SEED)
    sums = np.stack([np.bincount(cells, column) for column in columns], axis=1)  # (cells, 1 + features * REPEATS)
    rows, *totals = redrawn(sums, rng=rng).T
    means = (np.stack(totals) / rows).reshape(len(features), REPEATS, ROUNDS)
    repeats = rng.integers(REPEATS, size=(REPEATS, ROUNDS))  # the permutations, drawn anew for each round
    draws = sum(means[:, drawn, np.arange(ROUNDS)] for drawn in repeats) / REPEATS  # (features, ROUNDS)
    low, high = interval(np.transpose(draws))
    found = increases.sum(axis=0).reshape(len(features), REPEATS).sum(axis=1) / (len(cells) * REPEATS)
    names = (in_unit(f"mse_increase{end}", power=2) for end in ("", "_low", "_high"))
    return pd.DataFrame({"feature": list(features), **dict(zip(names, (found, low, high), strict=True))})


def squared_error_increases(predict: Predict, split: Columns, *, features: Sequence[str]) -> np.ndarray:
    """By how much each row's squared error grows, feature by feature, in each of its permutations.

    Shape: each column (rows,); returns (rows, features * REPEATS).
    """
    random, actual = np.random.default_rng(SEED), split[TARGET]
    orders = [random.permutation(len(actual)) for _ in range(REPEATS)]
    before = (predict(split) - actual) ** 2
    permuted = (
        {**split, **{name: split[name][order] for name in columns_of(feature)}}
        for feature in features
        for order in orders
    )
    return np.stack([(predict(rows) - actual) ** 2 - before for rows in permuted], axis=1)


def with_costs(
    importance: pd.DataFrame, cells: Cells, *, codes: Mapping[str, int], parameters: Mapping[str, int]
) -> pd.DataFrame:
    """The table with what each feature costs: codes, parameters, and the share of test rows with a value unseen.

    Such a value was in no training row, or in too few for a code. `cells` are those of the test rows by all features.
    """
    features, rows = importance["feature"], cells.rows.sum()
    return importance.assign(
        codes=[codes[name] for name in features],
        parameters=[parameters[name] for name in features],
        unseen_share=[float(cells.rows[cells.codes[name] == UNKNOWN].sum() / rows) for name in features],
    )
