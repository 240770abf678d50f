"""How far tonight's table is from yesterday's, and whether that is farther than the limits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.raw_table import Table, new_rows
from pipeline.data.schema import AMOUNTS, COLUMNS, ESTIMATED_VALUES, TARGET

SMOOTHING = 0.5  # rows added to each category: the logarithm of an empty one's share is infinite
TENTHS = np.linspace(0.1, 0.9, 9)  # the quantiles between ten equal parts


@dataclass(frozen=True)
class Measure:
    """One way in which two tables differ: its name in `nightly.drift`, the column unless it is all, and how much.

    `least` is how much it is at least, beyond chance; None if the rows are all that there are.
    """

    name: str
    column: str
    value: float
    least: float | None = None

    @property
    def title(self) -> str:
        """As a report names it: `stability_index of remote_ratio`."""
        return f"{self.name} of {self.column}" if self.column else self.name

    def __str__(self) -> str:
        """As a report puts it: `stability_index of remote_ratio: 0.31`."""
        return f"{self.title}: {self.value:.3g}"


@dataclass(frozen=True)
class TableDrift:
    """All measures, and those of them beyond a limit: breaches stop the night, warnings do not. Nothing if first."""

    measures: Sequence[Measure] = ()
    warnings: Sequence[Measure] = ()
    breaches: Sequence[Measure] = ()
    limits: params.Drift | None = None


def table_drift(before: Table | None, after: Table, *, limits: params.Drift) -> TableDrift:
    """How far the later table is from the earlier, if there is one."""
    if before is None:
        return TableDrift()
    return judge(measures(before, after), limits=limits)


def judge(found: Sequence[Measure], *, limits: params.Drift) -> TableDrift:
    """The measures, and which of them are beyond a limit."""
    breaches = exceeding(found, limits.stop)
    warnings = [measure for measure in exceeding(found, limits.warn) if measure not in breaches]
    return TableDrift(found, warnings, breaches, limits)


def exceeding(found: Sequence[Measure], limits: params.DriftLimits) -> list[Measure]:
    """The measures that exceed their limit, if they have one."""
    allowed = {name: float("inf") if limit is None else limit for name, limit in limits.model_dump().items()}
    return [one for one in found if (one.value if one.least is None else one.least) > allowed[one.name]]


def measures(before: Table, after: Table) -> list[Measure]:
    """All ways in which the later table differs from the earlier, each 0 if it does not.

    - rows_gone, rows_added, rows_changed: shares of yesterday's rows;
    - estimated_values: the change of the share of rows with a value that the publisher marked as an estimate;
    - new_categories: the share of tonight's rows with a value that yesterday's table had nowhere (not of amounts);
    - stability_index: the population stability index by column, of amounts that of yesterday's tenths;
    - target_mean, target_spread: the change of its mean and of its standard deviation, as a share of the larger one.
    """
    return [*_of_rows(before, after), *_of_columns(before, after), *_of_the_target(before, after)]


def _of_rows(before: Table, after: Table) -> Iterator[Measure]:
    come, gone = len(new_rows(before, after)), len(new_rows(after, before))
    changed = min(come, gone)  # rows have no identity: one that has gone and one that has come are taken for a change
    for name, rows in {"rows_gone": gone - changed, "rows_added": come - changed, "rows_changed": changed}.items():
        yield Measure(name, "", rows / len(before.hashes))
    old, new = (table.contract_report.estimated_rows / len(table.hashes) for table in (before, after))
    yield Measure("estimated_values", ", ".join(ESTIMATED_VALUES), abs(new - old))


def _of_columns(before: Table, after: Table) -> Iterator[Measure]:
    for name in COLUMNS:
        counted = _tenths if name in AMOUNTS else _counts
        old, new = counted(before.rows[name], after.rows[name])  # (values,) each: how many rows have a value
        if name not in AMOUNTS:
            yield Measure("new_categories", name, float(new[old == 0].sum() / new.sum()))
        yield Measure("stability_index", name, stability_index(old, new))


def _of_the_target(before: Table, after: Table) -> Iterator[Measure]:
    means = before.target.mean(), after.target.mean()
    spreads = before.target.std(), after.target.std()
    for name, (old, new) in {"target_mean": means, "target_spread": spreads}.items():
        larger = max(old, new)  # so that twice as much and half as much are the same change, 0.5
        yield Measure(name, TARGET, float(abs(new - old) / larger) if larger else 0.0)


def stability_index(before: np.ndarray, after: np.ndarray) -> float:
    """The population stability index of two counts of the same categories: below 0.1 little, above 0.25 much changed.

    With p and q, a category's shares before and after, it is the sum of (q - p) ln(q / p) over all categories: the
    symmetric Kullback-Leibler divergence, 0 for equal shares.

    Shape: both (categories,), rows; those that neither has play no part.
    Source: Siddiqi, "Credit Risk Scorecards" (2006).

    >>> round(stability_index(np.array([500, 500]), np.array([250, 750])), 3)
    0.274
    """
    present = (before + after) > 0  # else smoothing would give rows to categories of no row
    old, new = (counts[present] + SMOOTHING for counts in (before, after))
    old, new = old / old.sum(), new / new.sum()  # p and q, (categories that are present,)
    return float(((new - old) * np.log(new / old)).sum())


def _counts(before: pa.DictionaryArray, after: pa.DictionaryArray) -> tuple[np.ndarray, np.ndarray]:
    """How many rows of each have each value that one of them has. Shape: two (values,)."""
    both = pa.chunked_array([before, after]).unify_dictionaries()  # now the same value has the same index in both
    old, new = (np.bincount(part.indices.to_numpy(), minlength=len(part.dictionary)) for part in both.chunks)
    return old, new


def _tenths(before: pa.Array, after: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """How many amounts of each fall into the tenths of the earlier ones. Shape: two (tenths,)."""
    amounts = [part.to_numpy() for part in (before, after)]
    ends = np.quantile(amounts[0], TENTHS)  # (9,): equal ones, where many amounts are, leave the tenth between empty
    old, new = (np.bincount(np.searchsorted(ends, part), minlength=len(ends) + 1) for part in amounts)
    return old, new
