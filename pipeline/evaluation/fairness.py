"""Whom a model is wrong about: error and bias of each audited group, how far they are off by chance, and a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, MAE, TARGET, in_unit
from pipeline.evaluation.bootstrap import ROUNDS, interval, redrawn, sums_by_block
from pipeline.evaluation.metrics import Columns
from pipeline.evaluation.noise_floor import cell_numbers
from pipeline.evaluation.plot_tables import rare_together, value_names

MIN_CELLS = 10  # fewer different rows say nothing about others, however often each is there
NAMED = 3  # so many rare values are named one by one
SEED = 1
WITHIN, BEYOND, TOO_FEW = "within", "beyond by ", "too few rows to tell"
BY = {"bias_share": "bias", "error_ratio": "error"}  # what a group may be beyond the limits by


@dataclass(frozen=True)
class Group:
    """The rows of one value of an audited column, or of all its rare values. Shape: members (its rows,), positions."""

    name: str
    members: np.ndarray


def audit(
    test: Columns, errors: np.ndarray, groups: Sequence[Group], *, limits: Mapping[str, float], min_rows: int
) -> pd.DataFrame:
    """Error and bias of each group, with 95 % intervals and a verdict against the limits of these two numbers.

    - bias_share: the mean of predicted - actual, as a share of the group's mean target;
    - error_ratio: the mean absolute error as a share of the group's mean target, over the same share among all rows.

    The intervals come of drawing cells anew (all rows of equal features together), or `BLOCKS` blocks of many cells. A
    group of fewer rows than `min_rows`, or of fewer cells than `MIN_CELLS`, is too small for a verdict.

    Shape: each column of test and errors (rows,), in units of the target.
    Source: the error's share is the MAD/mean ratio, Kolassa & Schütz, "Advantages of the MAD/Mean Ratio over the MAPE"
    (2007); the bootstrap as in `redrawn`.
    """
    cells = cell_numbers({name: test[name] for name in FEATURES})
    values = (errors, np.abs(errors), np.abs(test[TARGET].astype(np.float64)))
    members = [np.arange(len(cells)), *(group.members for group in groups)]
    sums = np.stack([sums_by_block(values, cells, chosen) for chosen in members], axis=1)  # (blocks, 1 + groups, 3)
    draws = redrawn(sums.reshape(len(sums), -1), rng=np.random.default_rng(SEED))  # (ROUNDS, (1 + groups) * 3)
    drawn = _shares(draws.reshape(ROUNDS, *sums.shape[1:]))
    totals, rows = sums.sum(axis=0), np.array([len(group.members) for group in groups], np.int64)
    bias, error, _ = totals[1:].T
    found = {"group": [group.name for group in groups], "rows": rows, in_unit("bias"): bias / rows, MAE: error / rows}
    ends = {}
    for name, share in _shares(totals).items():
        low, high = ends[name] = interval(drawn[name])
        found |= {name: share, f"{name}_low": low, f"{name}_high": high, f"{name}_limit": limits[name]}
    enough = [len(group.members) >= min_rows and len(np.unique(cells[group.members])) >= MIN_CELLS for group in groups]
    verdicts = (_verdict(ends, limits, number) if large else TOO_FEW for number, large in enumerate(enough))
    return pd.DataFrame({**found, "verdict": list(verdicts)})


def count_beyond(table: pd.DataFrame) -> int:
    """How many groups of the audit are beyond a limit."""
    return sum(verdict.startswith(BEYOND) for verdict in table["verdict"])


def groups_of(column: str, codes: np.ndarray, *, encoder: Encoder, min_rows: int) -> Iterator[Group]:
    """The rows of each value of the column, and together those of the values of fewer rows than `min_rows`.

    Shape: codes (rows,).
    """
    names = value_names(encoder, column)
    together = rare_together(codes, count=len(names), min_rows=min_rows)
    for code in np.unique(together):
        members = np.flatnonzero(together == code)
        values = [names[each] for each in np.unique(codes[members])]
        name = ", ".join(values) if len(values) <= NAMED else f"({len(values)} rarer)"
        yield Group(f"{column}={name}", members)


def _shares(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The two numbers with limits. Shape: sums (..., 1 + groups, 3), all rows first; returns each (..., groups)."""
    bias, error, target = np.moveaxis(sums, -1, 0)
    target = np.maximum(target, 1.0)  # a draw may have no row of a group: it counts as one without error
    error_share = error / target
    of_all = np.maximum(error_share[..., :1], np.finfo(np.float64).tiny)  # no error at all: all ratios are 0
    return {"bias_share": (bias / target)[..., 1:], "error_ratio": error_share[..., 1:] / of_all}


def _verdict(ends: Mapping[str, tuple[np.ndarray, np.ndarray]], limits: Mapping[str, float], number: int) -> str:
    """What the intervals of the group of this number say: all of one beyond its limit, or all of both within."""
    intervals = [(name, low[number], high[number], limits[name]) for name, (low, high) in ends.items()]
    if beyond := [BY[name] for name, low, high, limit in intervals if low > limit or high < -limit]:
        return BEYOND + " and ".join(beyond)
    return WITHIN if all(-limit <= low and high <= limit for _, low, high, limit in intervals) else TOO_FEW
