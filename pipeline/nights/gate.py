"""The gate decides: is tonight's challenger worse than champion or anchor on the test rows, by more than chance?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import params
from pipeline.data.schema import UNIT, in_unit
from pipeline.evaluation.bootstrap import resampled
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.nights.record import NightOutcome

SEED = 1
SHARES = {"champion": "worse_share", "anchor": "worse_than_anchor_share"}
"""By the earlier model, the number that is the share of draws in which the challenger is worse than it."""
CHALLENGER, CHAMPION, ANCHOR, MEAN, RIDGE = (
    in_unit(f"{name}_mse", power=2) for name in ("challenger", "champion", "anchor", "mean", "ridge")
)


@dataclass(frozen=True)
class Decision:
    """Kept, or an outcome that makes the challenger the new champion; why; and the numbers that this rests on."""

    outcome: NightOutcome
    reason: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """Tonight's test rows, and what each model predicts for them.

    Shape: all arrays (rows,). Units: all amounts are in the target's unit.
    """

    actual: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray | None  # None if there is none, or if it is not comparable; then `incomparable` says why
    groups: np.ndarray  # rows that are equal in all features have the same number, from 0
    slices: Mapping[str, tuple[np.ndarray, Sequence[str]]]  # by feature: each row's value as an index; the values
    train_mean: float  # of the target in tonight's training rows
    anchor: np.ndarray | None = None  # None if the champion is the anchor
    ridge_mse: float | None = None  # of ridge regression on these rows, in the target's unit squared, if it is known
    incomparable: str | None = None


def decide(comparison: Comparison, settings: params.Gate, *, force_reason: str | None = None) -> Decision:
    """Promote the challenger unless it is worse than the champion by more than the tolerance, and than chance.

    The same holds for the anchor: else each of many nights might be a little worse than the one before.
    Squared errors are compared, over all rows and over the slices that have rows enough. With a champion or without,
    the challenger's may be at most `max_over_mean` times the training mean's, and `max_over_ridge` times ridge
    regression's. With fewer than `min_test_rows` rows none of this is looked at, and `too_few` decides. An operator may
    force it; but numbers that are not finite never promote.
    """
    numbers = _numbers(comparison)
    if wrong := [name for name, value in numbers.items() if not math.isfinite(value)]:
        finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
        return Decision(NightOutcome.KEPT, f"{', '.join(wrong)} must be finite numbers", finite)
    if force_reason is not None:
        return Decision(NightOutcome.FORCED, f"forced by the operator: {force_reason}", numbers)
    rows, least = len(comparison.actual), settings.min_test_rows
    too_few = f"{rows} test rows are fewer than {least}: too few to tell" if rows < least else None
    if too_few and settings.too_few == "keep":
        return Decision(NightOutcome.KEPT, too_few, numbers)
    if not too_few and (worse := list(_better_baselines(numbers, settings))):
        return Decision(NightOutcome.KEPT, f"its MSE is more than {' and '.join(worse)}", numbers)
    if comparison.incomparable is not None:
        return Decision(NightOutcome.INCOMPARABLE, f"no comparison: {comparison.incomparable}", numbers)
    if comparison.champion is None:
        return Decision(NightOutcome.FIRST, "there was no champion yet", numbers)
    if too_few:
        return Decision(NightOutcome.PROMOTED, too_few, numbers)
    return _against_earlier(comparison, comparison.champion, settings, numbers)


def is_best(decision: Decision) -> bool:
    """True if an accepted challenger is the new anchor: no worse than the one before, or not compared with any."""
    numbers = decision.numbers
    return decision.outcome is not NightOutcome.PROMOTED or numbers[CHALLENGER] <= numbers[ANCHOR]


def _numbers(comparison: Comparison) -> dict[str, float]:
    """The mean squared errors, NaN where a prediction is no number; those of models that there are not are left out."""
    actual = comparison.actual
    numbers = {"test_rows": float(len(actual)), "test_groups": float(len(np.unique(comparison.groups)))}
    mean = np.full(len(actual), comparison.train_mean)
    predictions = {CHALLENGER: comparison.challenger, CHAMPION: comparison.champion}
    predictions |= {ANCHOR: comparison.champion if comparison.anchor is None else comparison.anchor, MEAN: mean}
    for name, prediction in predictions.items():
        if prediction is not None:
            sound = len(prediction) and np.isfinite(prediction).all()
            numbers[name] = mean_squared_error(prediction, actual) if sound else math.nan
    return numbers if comparison.ridge_mse is None else {**numbers, RIDGE: comparison.ridge_mse}


def _better_baselines(numbers: Mapping[str, float], settings: params.Gate) -> Iterator[str]:
    """The baselines that the challenger's error is too high a multiple of, as `1 times that of the training mean`."""
    if numbers[CHALLENGER] > settings.max_over_mean * numbers[MEAN]:
        yield f"{settings.max_over_mean:g} times that of the training mean"
    if settings.max_over_ridge is not None and numbers[CHALLENGER] > settings.max_over_ridge * numbers[RIDGE]:
        yield f"{settings.max_over_ridge:g} times that of ridge regression"


def _against_earlier(
    comparison: Comparison, champion: np.ndarray, settings: params.Gate, numbers: Mapping[str, float]
) -> Decision:
    """The decision, by the champion, the anchor if that is another model, and the slices."""
    earlier = {"champion": champion} | ({} if comparison.anchor is None else {"anchor": comparison.anchor})
    errors = {name: (prediction - comparison.actual) ** 2 for name, prediction in earlier.items()}
    ours = (comparison.challenger - comparison.actual) ** 2
    found = {name: excess(ours, theirs, groups=comparison.groups, settings=settings) for name, theirs in errors.items()}
    numbers = {**numbers, **{SHARES[name]: one.share_worse for name, one in found.items()}}
    rmse, champions_rmse = math.sqrt(numbers[CHALLENGER]), math.sqrt(numbers[CHAMPION])
    words = "; ".join(one.in_words(name, settings) for name, one in found.items())
    reason = f"RMSE {rmse:,.0f} {UNIT}, the champion's {champions_rmse:,.0f}: {words}"
    if any(one.share_worse >= settings.confidence for one in found.values()):
        return Decision(NightOutcome.KEPT, reason, numbers)
    if slices := list(_worse_slices(comparison, ours, errors["champion"], settings)):
        where = f"the MSE is over {100 * settings.slice_tolerance:g} % higher where {', '.join(slices)}"
        return Decision(NightOutcome.KEPT, where, numbers)
    return Decision(NightOutcome.PROMOTED, reason, numbers)


@dataclass(frozen=True)
class Excess:
    """By what share our mean squared error is above another's: on the test rows, and the interval of what it might be.

    `share_worse` is the share of bootstrap draws in which it is above it by more than the tolerance: `confidence` or
    more, just if all of the interval is.
    """

    share: float
    low: float
    high: float
    share_worse: float

    def in_words(self, other: str, settings: params.Gate) -> str:
        """`the MSE is 1.8 % higher than the champion's, 90 % interval -0.9 to +4.6 %: within the tolerance of 2 %`.

        The tolerance is told of only where it is higher.
        """
        how = (
            f"{100 * abs(self.share):.1f} % {'higher' if self.share > 0 else 'lower'} than"
            if self.share
            else "equal to"
        )
        interval = f"{200 * settings.confidence - 100:g} % interval {100 * self.low:+.1f} to {100 * self.high:+.1f} %"
        said = f"the MSE is {how} the {other}'s, {interval}"
        if self.share <= 0:
            return said
        side = "beyond" if self.share_worse >= settings.confidence else "within"
        return f"{said}: {side} the tolerance of {100 * settings.tolerance:g} %"


def excess(ours: np.ndarray, theirs: np.ndarray, *, groups: np.ndarray, settings: params.Gate) -> Excess:
    """How far our squared errors are above theirs, which are not all 0. Shape: all (rows,); groups are drawn whole."""
    our_sums, their_sums = _redrawn(ours, theirs, groups=groups)
    low, high = np.quantile(our_sums / their_sums - 1, (1 - settings.confidence, settings.confidence))
    worse = float((our_sums > (1 + settings.tolerance) * their_sums).mean())
    return Excess(float(ours.sum() / theirs.sum()) - 1, float(low), float(high), worse)


def share_worse(ours: np.ndarray, theirs: np.ndarray, *, groups: np.ndarray, tolerance: float) -> float:
    """The share of bootstrap draws in which the sum of our squared errors exceeds theirs by more than the tolerance.

    Shape: all (rows,); rows of one group are drawn together.
    """
    our_sums, their_sums = _redrawn(ours, theirs, groups=groups)
    return float((our_sums > (1 + tolerance) * their_sums).mean())


def _redrawn(ours: np.ndarray, theirs: np.ndarray, *, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sums over rows drawn anew. Shape: two (draws,)."""
    _, numbered = np.unique(groups, return_inverse=True)  # resampled() needs all numbers from 0 on
    return resampled(ours, theirs, groups=numbered, rng=np.random.default_rng(SEED))


def _worse_slices(comparison: Comparison, ours: np.ndarray, theirs: np.ndarray, settings: params.Gate) -> Iterator[str]:
    """The slices in which the challenger is worse beyond tolerance and chance, as `company_size=M`.

    Of many slices some are worse by chance: so each must be so with a confidence that allows for their number.
    Source: Bonferroni's correction.
    """
    large = [
        (f"{feature}={values[int(index)]}", np.flatnonzero(indices == index))
        for feature, (indices, values) in comparison.slices.items()
        for index in np.flatnonzero(np.bincount(indices) >= settings.min_slice_rows)
    ]
    confidence = 1 - (1 - settings.confidence) / max(len(large), 1)
    tolerance = settings.slice_tolerance
    for name, rows in large:
        if ours[rows].sum() <= (1 + tolerance) * theirs[rows].sum():
            continue  # then it is worse in about half of the draws at most
        if share_worse(ours[rows], theirs[rows], groups=comparison.groups[rows], tolerance=tolerance) >= confidence:
            yield name
