"""Settings chosen by forward validation: the trial that is best on the rows of tomorrow, looked at once more."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from pipeline import params
from pipeline.backtest.error_ratio import geometric_mean
from pipeline.backtest.space import Trial
from pipeline.backtest.trials import AS_IS, ForwardValidation, Scored

SEEDS = 5  # on the last cut-off: a lucky seed is no better setting


@dataclass(frozen=True)
class Tuned:
    """What came out: the trials, their errors on the cut-offs that choose, the best, and the last cut-off.

    On the last one, only the best trial is scored, beside the recipe as it is; or nothing, if that is the best.
    """

    trials: Sequence[Trial]
    chosen_by: Sequence[Scored]
    best: int
    held_out: Scored | None


def tune(trials: Sequence[Trial], cut_offs: Sequence[datetime.date], *, forward: ForwardValidation) -> Tuned:
    """Score all trials on all cut-offs but the last; and the best one on the last, with several seeds."""
    *choosing, last = cut_offs
    recipes = {number: [trial.recipe] for number, trial in enumerate(trials)}
    trainings = len(recipes) * len(choosing) + 2 * SEEDS
    with tqdm(total=trainings, desc="tune", unit="training", disable=None) as progress:
        scored = [forward.score(date, recipes, progress) for date in choosing]
        means = mean_ratios(scored)
        best = min(means, key=means.__getitem__)  # of equal ones the first: the recipe as it is, if it is among them
        two = {number: _seeded(trials[number].recipe) for number in (AS_IS, best)}
        held_out = forward.score(last, two, progress) if best != AS_IS else None
    return Tuned(trials, scored, best, held_out)


def _seeded(recipe: params.Recipe) -> list[params.Recipe]:
    """The recipe with its seed and the next ones, all of which `params.Recipe` allows."""
    return [recipe.model_copy(update={"seed": (recipe.seed + step) % 2**63}) for step in range(SEEDS)]


def mean_ratios(scored: Sequence[Scored]) -> dict[int, float]:
    """By the trial's number its mean squared error / that of the recipe as it is: of cut-offs, the geometric mean."""
    return {
        number: float(geometric_mean([cut_off.against_as_is(number).ratio for cut_off in scored]))
        for number in scored[0].errors
    }
