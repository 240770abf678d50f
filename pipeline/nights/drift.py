"""How far tonight's table is from yesterday's and from the reference, and whether that is beyond the limits."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline import params
from pipeline.data.raw_table import Table, new_rows
from pipeline.data.schema import AMOUNTS, COLUMNS, ESTIMATED_VALUES, TARGET
from pipeline.nights.reference import Reference, Summary

SMOOTHING = 0.5  # rows added to each category: the logarithm of an empty one's share is infinite


@dataclass(frozen=True)
class Measure:
    """One way in which two tables differ: its name in `nightly.drift`, the column unless it is all, and how much.

    `least` is how much it is at least, beyond chance; None if the rows are all that there are. `since` is the night of
    the earlier table, if that is the reference and not yesterday's.
    """

    name: str
    column: str
    value: float
    least: float | None = None
    since: datetime.date | None = None

    @property
    def title(self) -> str:
        """As a report names it: `stability_index of remote_ratio since 2026-01-31`."""
        title = f"{self.name} of {self.column}" if self.column else self.name
        return f"{title} since {self.since.isoformat()}" if self.since else title

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


def table_drift(
    before: Table | None, after: Table, *, limits: params.Drift, reference: Reference | None = None
) -> TableDrift:
    """How far the later table is from the earlier, if there is one, and from the reference, if there is one."""
    if before is None:
        return TableDrift()
    slow = measures_since(reference, after) if reference else []
    return judge([*measures(before, after), *slow], limits=limits)


def judge(found: Sequence[Measure], *, limits: params.Drift) -> TableDrift:
    """The measures, and which of them are beyond a limit.

    The way since the reference night was one of many nights. So it stops none, and is a warning once it is as long as
    would have stopped one.
    """
    fast, slow = ([measure for measure in found if bool(measure.since) is slow] for slow in (False, True))
    breaches = exceeding(fast, limits.stop)
    warnings = [measure for measure in exceeding(fast, limits.warn) if measure not in breaches]
    return TableDrift(found, [*warnings, *exceeding(slow, limits.stop)], breaches, limits)


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
    return [*_of_rows(before, after), *_of_summary(Summary.of(before), after)]


def measures_since(reference: Reference, after: Table) -> list[Measure]:
    """The ways in which the table differs from the reference that a summary can tell: all but those of rows."""
    return [replace(measure, since=reference.night) for measure in _of_summary(reference.table, after)]


def _of_rows(before: Table, after: Table) -> Iterator[Measure]:
    come, gone = len(new_rows(before, after)), len(new_rows(after, before))
    changed = min(come, gone)  # rows have no identity: one that has gone and one that has come are taken for a change
    for name, rows in {"rows_gone": gone - changed, "rows_added": come - changed, "rows_changed": changed}.items():
        yield Measure(name, "", rows / len(before.hashes))
    old, new = (table.contract_report.estimated_rows / len(table.hashes) for table in (before, after))
    yield Measure("estimated_values", ", ".join(ESTIMATED_VALUES), abs(new - old))


def _of_summary(before: Summary, after: Table) -> Iterator[Measure]:
    for name in COLUMNS:
        old, new = before.counts_beside(after, name)  # (values,) each: how many rows have a value
        if name not in AMOUNTS:
            yield Measure("new_categories", name, float(new[old == 0].sum() / new.sum()))
        yield Measure("stability_index", name, stability_index(old, new))
    means = before.target_mean, after.target.mean()
    spreads = before.target_spread, after.target.std()
    for name, (one, other) in {"target_mean": means, "target_spread": spreads}.items():
        larger = max(one, other)  # so that twice as much and half as much are the same change, 0.5
        yield Measure(name, TARGET, float(abs(other - one) / larger) if larger else 0.0)


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
