import datetime
import re

import numpy as np
import pytest

from pipeline.backtest.space import Trial
from pipeline.backtest.trials import Scored
from pipeline.backtest.tuning import Tuned
from pipeline.backtest.tuning_report import report, verdict
from tests.support.recipes import make_recipe

TRIALS = [
    Trial(make_recipe(), {}),
    Trial(make_recipe(), {"network.hidden": [9, 9], "optimizer.learning_rate": 0.02}),
    Trial(make_recipe(), {"features": make_recipe().features[1:]}),
    Trial(make_recipe(), {"features": [*make_recipe().features, "job_title"]}),
]


def scored(month, *errors):
    """A cut-off on whose four rows each trial has this squared error, or these; None if it was not tried."""
    known = {number: np.zeros(4) + error for number, error in enumerate(errors) if error is not None}
    return Scored(datetime.date(2023, month, 1), 1234, np.arange(4), known)


def cells(text, trial):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {trial} |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


CHOSEN_BY = [scored(1, 100, 50, 200, 100), scored(2, 100, 200, 200, 10)]


def test_the_table_has_each_trial_with_what_it_changes_and_its_error_as_a_multiple_the_best_first():
    text = report(Tuned(TRIALS, CHOSEN_BY, 3, scored(3, 100, None, None, 80)), "full")
    assert cells(text, "trial") == ["trial", "settings", "2023-01-01", "2023-02-01", "all", "2023-03-01, held out"]
    assert cells(text, 0)[1:4] == ["as it is", "1.000", "1.000"]
    assert cells(text, 1)[1:] == [r"hidden \[9, 9\], learning_rate 0.02", "0.500", "2.000", "1.000 (1.000–1.000)", ""]
    assert cells(text, 2)[1:4] == ["without experience_level", "2.000", "2.000"]
    assert cells(text, 3)[1:] == ["with job_title", "1.000", "0.100", "0.316 (0.316–0.316)", "0.800 (0.800–0.800)"]
    assert re.findall(r"^\| (\d) ", text, flags=re.MULTILINE) == ["3", "0", "1", "2"]


def test_the_table_says_what_the_multiples_are_of():
    text = report(Tuned(TRIALS, CHOSEN_BY, 3, scored(3, 400, None, None, 80)), "full")
    assert "|  | rows to train on | 1,234 | 1,234 |  | 1,234 |" in text
    assert "|  | rows to score on | 4 | 4 |  | 4 |" in text
    assert "|  | RMSE as it is, USD | 10 | 10 |  | 20 |" in text


@pytest.mark.parametrize(
    ("last", "found", "taken"),
    [
        (80, "0.800 (0.800–0.800) times the error in the mean over 5 seeds, beyond chance", "are worth"),
        ([10, 10, 10, 380], "times the error in the mean over 5 seeds, within chance", "are not shown to be worth"),
        (120, "times the error in the mean over 5 seeds, beyond chance", "are not shown to be worth"),
    ],
)
def test_the_verdict_is_that_of_the_date_that_no_trial_was_chosen_by(last, found, taken):
    chosen, held_out = verdict(Tuned(TRIALS, CHOSEN_BY, 3, scored(3, 100, None, None, last)))
    assert "Trial 3 is the best of 3: on the 2 dates that it was chosen by, it has 0.316 (0.316–0.316)" in chosen
    assert chosen.endswith("As the best of 3 it looks better there than it is.")
    assert held_out.startswith("On 2023-03-01, which no trial was chosen by")
    assert held_out.endswith(f"{found}. Its settings {taken} taking.")


def test_where_no_trial_is_better_the_recipe_stays():
    tuned = Tuned(TRIALS, [scored(1, 100, 110, 120, 130)], 0, None)
    assert verdict(tuned) == ["Keep the recipe as it is: none of 3 trials has a smaller error on the 1 dates."]
    assert ", held out |" not in report(tuned, "full")
