import datetime
from typing import Any

import numpy as np
import pytest

from pipeline.backtest.space import Trial
from pipeline.backtest.trials import AS_IS, Scored
from pipeline.backtest.tuning import SEEDS, mean_ratios, tune
from tests.support.recipes import make_recipe

DATES = [datetime.date(2023, month, 1) for month in (1, 2, 3)]
TRIALS = [Trial(make_recipe(epochs=epochs), {"epochs": epochs}) for epochs in (1, 2, 3)]


class Forward:
    """Scores that are known: by date, the error of each trial; it remembers the epochs and how many seeds it tried."""

    def __init__(self, errors):
        self.errors, self.asked = errors, []

    def score(self, date, recipes, progress):
        self.asked.append(
            (date, [(seeds[0].epochs, len({recipe.seed for recipe in seeds})) for seeds in recipes.values()])
        )
        errors = {number: np.full(4, float(self.errors[date][number])) for number in recipes}
        return Scored(date, 9, np.arange(4), errors)


def test_the_trial_with_the_smallest_geometric_mean_is_the_best():
    forward: Any = Forward({DATES[0]: [1, 4, 0.5], DATES[1]: [100, 10, 190], DATES[2]: [1, 1, 1]})
    tuned = tune(TRIALS, DATES, forward=forward)
    assert mean_ratios(tuned.chosen_by) == pytest.approx({0: 1, 1: 0.4**0.5, 2: 0.95**0.5})
    assert tuned.best == 1


def test_the_last_date_is_looked_at_once_for_the_best_trial_and_the_recipe_as_it_is():
    forward: Any = Forward({DATES[0]: [2, 2, 1], DATES[1]: [2, 2, 1], DATES[2]: [2, 0, 3]})
    tuned = tune(TRIALS, DATES, forward=forward)
    all_once = [(1, 1), (2, 1), (3, 1)]
    assert forward.asked == [(DATES[0], all_once), (DATES[1], all_once), (DATES[2], [(1, SEEDS), (3, SEEDS)])]
    assert tuned.held_out is not None
    assert tuned.held_out.against_as_is(2).ratio == 1.5


def test_a_trial_that_is_no_better_does_not_win_and_nothing_is_held_out():
    forward: Any = Forward({DATES[0]: [2, 2, 3], DATES[1]: [2, 2, 1.9], DATES[2]: [2, 0, 0]})
    tuned = tune(TRIALS, DATES, forward=forward)
    assert (tuned.best, tuned.held_out) == (AS_IS, None)
    assert [date for date, _ in forward.asked] == DATES[:2]
