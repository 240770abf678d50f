"""How models age, in words: a small table, and two sentences with a verdict each."""

import datetime
from collections.abc import Mapping, Sequence

from pipeline.backtest.ageing import BLOCK, HORIZON, LEAST_BLOCKS, AtAge, Estimate, NewRows, by_age, foretold
from pipeline.reporting.markdown import table

TITLES = ("weeks, at least", "weeks, mean", "nights", "new rows", "squared error / champion's", "95 % interval")
NOTE = (
    "The newest model that is at least so many weeks old, on the rows that each accepted night adds, against the"
    f" champion of that night on the same rows. Intervals are a bootstrap's, which draws blocks of {BLOCK} weeks."
)
TOO_FEW = f"an interval needs nights in {LEAST_BLOCKS} blocks of {BLOCK} weeks"
ERRS = {1: "beyond chance, it is worse", 0: "the difference is within chance", -1: "beyond chance, it is better"}
FORETELLS = {
    1: "beyond chance, a better score foretold a smaller error",
    0: "within chance, so the score is not shown to foretell it",
    -1: "beyond chance, a better score foretold a larger error",
}


def ageing(nights: Sequence[NewRows], test_mse: Mapping[datetime.date, float]) -> list[str]:
    """The section's paragraphs, as Markdown. test_mse: the models' own, on the test rows, by their nights."""
    ages = by_age(nights)
    shown = [NOTE, table([TITLES, *map(_row, ages)])] if ages else []
    return ["## How the score ages", *shown, _errs(ages), _foretells(foretold(nights, test_mse))]


def _row(age: AtAge) -> list[str]:
    ratio = age.ratio
    numbers = [f"{age.weeks}", f"{age.mean_weeks:.1f}", f"{ratio.count}", f"{age.rows:,.0f}", f"{ratio.value:.3f}"]
    return [*numbers, _interval(ratio) or "too few nights"]


def _interval(estimate: Estimate) -> str:
    """Its ends; empty if there is none."""
    return " to ".join(f"{end:.3f}" for end in estimate.interval or ())


def _errs(ages: Sequence[AtAge]) -> str:
    """What is known of the oldest models."""
    if not (known := [age for age in ages if age.ratio.interval]):
        return f"Whether models age cannot be told from so few nights: {TOO_FEW}."
    oldest, ratio = known[-1].weeks, known[-1].ratio
    weeks = f"{oldest} {'week' if oldest == 1 else 'weeks'}"
    numbers = f"{ratio.value:.3f} times the squared error of the night's champion (95 % interval {_interval(ratio)})"
    return f"A model at least {weeks} old has {numbers}: {ERRS[ratio.beyond(1.0)]}."


def _foretells(correlation: Estimate | None) -> str:
    """What the test score was worth."""
    if correlation is None or correlation.interval is None:
        return f"What the test score foretells cannot be told from so few nights: {TOO_FEW}."
    numbers = f"{correlation.value:.3f} (95 % interval {_interval(correlation)})"
    models = f"Over {correlation.count} models, the rank correlation (Spearman's) of their RMSE on the test rows"
    rows = f"with that on the rows of the next {HORIZON} weeks is {numbers}"
    return f"{models} {rows}: {FORETELLS[correlation.beyond(0.0)]}."
