"""Whom a model is wrong about: error and bias of each audited group, how far they are off by chance, and a verdict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.data.encoding import Encoder
from pipeline.data.schema import MAE, TARGET, in_unit
from pipeline.evaluation.bootstrap import ROUNDS, blocks_of, interval, redrawn
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.metrics import FEATURE_CELL, PREDICTED, Columns
from pipeline.evaluation.plot_tables import rare_together, value_names

MIN_CELLS = 10  # fewer different rows say nothing about others, however often each is there
NAMED = 3  # so many rare values are named one by one
SEED = 1
WITHIN, BEYOND, TOO_FEW = "within", "beyond by ", "too few rows to tell"
BY = {"bias_share": "bias", "error_ratio": "error"}  # what a group may be beyond the limits by


@dataclass(frozen=True)
class Group:
    """All rows with one value of an audited column, or with any of its rare ones. Shape: codes (its values,)."""

    name: str
    column: str
    codes: np.ndarray

    def has(self, cells: Cells) -> np.ndarray:
        """Which of the cells by all features are of the group. Shape: (cells,) of bool."""
        return np.isin(cells.codes[self.column], self.codes)

    def rows(self, cells: Cells) -> int:
        """How many rows the group has."""
        return int(cells.rows[self.has(cells)].sum())


def audit(
    blocks: Iterable[Columns], cells: Cells, groups: Sequence[Group], *, limits: Mapping[str, float], min_rows: int
) -> pd.DataFrame:
    """Error and bias of each group, with 95 % intervals and a verdict against the limits of these two numbers.

    - bias_share: the mean of predicted - actual, as a share of the group's mean target;
    - error_ratio: the mean absolute error as a share of the group's mean target, over the same share among all rows.

    The intervals come of drawing cells anew (all rows of equal features together), or `BLOCKS` blocks of many cells. A
    group of fewer rows than `min_rows`, or of fewer cells than `MIN_CELLS`, is too small for a verdict. A row is in one
    group of a column at most.

    `cells` are those of the rows by all features.
    Source: the error's share is the MAD/mean ratio, Kolassa & Schütz, "Advantages of the MAD/Mean Ratio over the MAPE"
    (2007); the bootstrap as in `redrawn`.
    """
    members = [group.has(cells) for group in groups]
    sums = _sums(blocks, cells, [np.ones(len(cells), bool), *members])  # (blocks, 1 + groups, 3)
    draws = redrawn(sums.reshape(len(sums), -1), rng=np.random.default_rng(SEED))  # (ROUNDS, (1 + groups) * 3)
    drawn = _shares(draws.reshape(ROUNDS, *sums.shape[1:]))
    totals, rows = sums.sum(axis=0), np.array([group.rows(cells) for group in groups], np.int64)
    bias, error, _ = totals[1:].T
    found = {"group": [group.name for group in groups], "rows": rows, in_unit("bias"): bias / rows, MAE: error / rows}
    ends = {}
    for name, share in _shares(totals).items():
        low, high = ends[name] = interval(drawn[name])
        found |= {name: share, f"{name}_low": low, f"{name}_high": high, f"{name}_limit": limits[name]}
    enough = [count >= min_rows and chosen.sum() >= MIN_CELLS for count, chosen in zip(rows, members, strict=True)]
    verdicts = (_verdict(ends, limits, number) if large else TOO_FEW for number, large in enumerate(enough))
    return pd.DataFrame({**found, "verdict": list(verdicts)})


def count_beyond(table: pd.DataFrame) -> int:
    """How many groups of the audit are beyond a limit."""
    return sum(verdict.startswith(BEYOND) for verdict in table["verdict"])


def groups_of(column: str, cells: Cells, *, encoder: Encoder, min_rows: int) -> Iterator[Group]:
    """The rows of each value of the column, and together those of the values of fewer rows than `min_rows`."""
    names = value_names(encoder, column)
    rows = cells.rows_by_code(column, codes=len(names))
    together = rare_together(rows, min_rows=min_rows)  # (codes,)
    for code in np.unique(together[rows > 0]):
        codes = np.flatnonzero((together == code) & (rows > 0))
        values = [names[each] for each in codes]
        name = ", ".join(values) if len(values) <= NAMED else f"({len(values)} rarer)"
        yield Group(f"{column}={name}", column, codes)


def _sums(blocks: Iterable[Columns], cells: Cells, members: Sequence[np.ndarray]) -> np.ndarray:
    """The sums of errors, their sizes and targets, by block of cells and group. Shape: members (cells,) of bool each.

    Returns (blocks, groups, 3).
    """
    sums = np.zeros((len(members), 3, blocks_of(len(cells))))
    for rows in blocks:
        errors, numbers = rows[PREDICTED] - rows[TARGET], rows[FEATURE_CELL]
        values = (errors, np.abs(errors), np.abs(rows[TARGET].astype(np.float64)))
        for of_group, chosen in zip(sums, members, strict=True):
            places = np.flatnonzero(chosen[numbers])
            for total, column in zip(of_group, values, strict=True):
                np.add.at(total, numbers[places] % len(total), column[places])
    return np.ascontiguousarray(np.moveaxis(sums, -1, 0))


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
