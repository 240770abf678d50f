"""Champion or challenger: who predicts tonight's test rows better, and whether that is more than chance."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from pipeline import params
from pipeline.evaluation.bootstrap import resampled
from pipeline.evaluation.metrics import mean_squared_error

SEED = 1


class Outcome(StrEnum):
    """What the gate decides: all but the last make the challenger the new champion."""

    PROMOTED = "promoted"
    FIRST = "first"
    INCOMPARABLE = "incomparable"
    FORCED = "forced"
    KEPT = "kept"


@dataclass(frozen=True)
class Decision:
    """The outcome, why, and the numbers that it rests on. Those that the rows are too few to give are not there."""

    outcome: Outcome
    reason: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """What is put before the gate: tonight's test rows, and what each side predicts for them, in US dollars.

    champion: None if there is none, or if it is not comparable; then `incomparable` says why.
    groups: rows that are equal in all features have the same number, from 0. slices: by feature, each row's value as
    a position, and what the positions stand for. mean_usd: the mean of tonight's training rows.
    Shape: actual, challenger, champion, groups and each slice's positions (rows,).
    """

    actual: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray | None
    groups: np.ndarray
    slices: Mapping[str, tuple[np.ndarray, Sequence[str]]]
    mean_usd: float
    incomparable: str | None = None


def decide(trial: Trial, settings: params.Gate, *, forced: str | None = None) -> Decision:
    """Promote the challenger unless it is worse than the champion by more than the tolerance, and than chance.

    Squared errors in USD² are compared, over all rows and over the slices that have rows enough. With a champion or
    without, the challenger's may be at most `max_over_mean` times the training mean's. With fewer than `min_test_rows`
    rows neither is looked at, and `too_few` decides. An operator may force it; but numbers that are not finite never
    promote.
    """
    numbers = _numbers(trial)
    if wrong := [name for name, value in numbers.items() if not math.isfinite(value)]:
        finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
        return Decision(Outcome.KEPT, f"{', '.join(wrong)} must be finite numbers", finite)
    if forced is not None:
        return Decision(Outcome.FORCED, f"forced by the operator: {forced}", numbers)
    few = len(trial.actual) < settings.min_test_rows
    if few and settings.too_few == "keep":
        return Decision(Outcome.KEPT, _few(trial, settings), numbers)
    if not few and (numbers["challenger_mse_usd2"] > settings.max_over_mean * numbers["mean_mse_usd2"]):
        reason = f"its MSE is more than {settings.max_over_mean:g} times that of the training mean"
        return Decision(Outcome.KEPT, reason, numbers)
    if trial.incomparable is not None:
        return Decision(Outcome.INCOMPARABLE, f"no comparison: {trial.incomparable}", numbers)
    if trial.champion is None:
        return Decision(Outcome.FIRST, "there was no champion yet", numbers)
    if few:
        return Decision(Outcome.PROMOTED, _few(trial, settings), numbers)
    return _compare(trial, trial.champion, settings, numbers)


def _numbers(trial: Trial) -> dict[str, float]:
    """The mean squared errors, NaN where a prediction is no number; the champion's is left out if there is none."""
    numbers = {"test_rows": float(len(trial.actual)), "test_groups": float(len(np.unique(trial.groups)))}
    mean = np.full(len(trial.actual), trial.mean_usd)
    for name, prediction in {"challenger": trial.challenger, "champion": trial.champion, "mean": mean}.items():
        if prediction is not None:
            sound = len(prediction) and np.isfinite(prediction).all()
            numbers[f"{name}_mse_usd2"] = mean_squared_error(prediction, trial.actual) if sound else math.nan
    return numbers


def _few(trial: Trial, settings: params.Gate) -> str:
    return f"{len(trial.actual)} test rows are fewer than {settings.min_test_rows}: too few to tell"


def _compare(trial: Trial, champion: np.ndarray, settings: params.Gate, numbers: Mapping[str, float]) -> Decision:
    errors, others = ((prediction - trial.actual) ** 2 for prediction in (trial.challenger, champion))
    share = worse(errors, others, groups=trial.groups, tolerance=settings.tolerance)
    numbers = {**numbers, "worse_share": share}
    ours, theirs = (math.sqrt(numbers[f"{name}_mse_usd2"]) for name in ("challenger", "champion"))
    reason = (
        f"RMSE {ours:,.0f} USD, the champion's {theirs:,.0f}; the MSE is over {100 * settings.tolerance:g}% worse in"
        f" {share:.1%} of the bootstrap draws: from {settings.confidence:.0%} on the champion stays"
    )
    if share >= settings.confidence:
        return Decision(Outcome.KEPT, reason, numbers)
    if slices := list(_worse_slices(trial, errors, others, settings)):
        where = f"the MSE is over {100 * settings.slice_tolerance:g}% worse where {', '.join(slices)}"
        return Decision(Outcome.KEPT, where, numbers)
    return Decision(Outcome.PROMOTED, reason, numbers)


def worse(errors: np.ndarray, others: np.ndarray, *, groups: np.ndarray, tolerance: float) -> float:
    """The share of bootstrap draws in which the first errors' sum exceeds the others' by more than the tolerance.

    Shape: all (rows,); rows of one group are drawn together.
    """
    _, numbered = np.unique(groups, return_inverse=True)
    ours, theirs = resampled(errors, others, groups=numbered, rng=np.random.default_rng(SEED))
    return float((ours > (1 + tolerance) * theirs).mean())


def _worse_slices(trial: Trial, errors: np.ndarray, others: np.ndarray, settings: params.Gate) -> Iterator[str]:
    """The slices in which the challenger is worse beyond tolerance and chance, as `company_size=M`.

    Of many slices some are worse by chance: so each must be so with a confidence that allows for their number.
    Source: Bonferroni's correction.
    """
    enough = [
        (f"{feature}={names[int(value)]}", np.flatnonzero(numbers == value))
        for feature, (numbers, names) in trial.slices.items()
        for value in np.flatnonzero(np.bincount(numbers) >= settings.min_slice_rows)
    ]
    confidence = 1 - (1 - settings.confidence) / max(len(enough), 1)
    for name, rows in enough:
        ours, theirs = errors[rows], others[rows]
        if ours.sum() > (1 + settings.slice_tolerance) * theirs.sum():  # else about half of the draws at most are worse
            share = worse(ours, theirs, groups=trial.groups[rows], tolerance=settings.slice_tolerance)
            if share >= confidence:
                yield name
