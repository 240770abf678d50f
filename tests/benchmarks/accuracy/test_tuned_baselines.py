from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import tuned_baselines
from benchmarks.accuracy.tuned_baselines import Rival, tune
from pipeline.backtest.forward import CutOff
from pipeline.data.schema import TARGET
from tests.support.tables import batch, row, rows


def cut_off(train, future=None):
    return CutOff(Path(), train, train, future or train)


def test_tuning_keeps_the_trial_that_is_best_on_the_rows_to_come_of_all_cut_offs():
    guesses = Rival(
        {"guess": tuned_baselines.uniform(0, 300_000)},
        lambda cut_off, settings: lambda rows: np.full(rows.num_rows, settings["guess"]),
        "numpy",
    )
    cut_offs = [cut_off(batch(rows(4)), batch([row(salary_in_usd=salary)])) for salary in (100_000, 200_000)]
    best = tune(guesses, cut_offs, trials=50)
    guess = best.settings["guess"]
    assert best.mse == pytest.approx(abs((guess - 100_000) * (guess - 200_000)))
    assert best == tune(guesses, cut_offs, trials=50)
    assert best.mse < min(tune(guesses, cut_offs, trials=trials).mse for trials in (1, 2))


def test_a_method_without_settings_is_tried_once():
    tried = []

    def fit(cut_off, settings):
        tried.append(settings)
        return lambda rows: np.zeros(rows.num_rows)

    constant = Rival({}, fit, "numpy")
    assert tune(constant, [cut_off(batch([row(salary_in_usd=3_000)]))], trials=50).mse == pytest.approx(9e6)
    assert tried == [{}]


def test_a_cell_is_shrunk_to_the_coarser_one_around_it():
    train = batch([row(salary_in_usd=100), row(salary_in_usd=200, job_title="Analyst"), row(salary_in_usd=600)])
    predict = tuned_baselines.cell_mean(cut_off(train), {"coarse": 1.0, "middle": 2.0, "fine": 2.0})
    coarse = (900 + 300) / (3 + 1)
    middle = (200 + 2 * coarse) / (1 + 2)
    analyst = row(job_title="Analyst")
    assert predict(batch([analyst, row(company_location="GB")])) == pytest.approx([(200 + 2 * middle) / 3, 300])


def test_ridge_shrunk_to_nothing_predicts_the_training_mean():
    train = batch(rows(60))
    predict = tuned_baselines.ridge(cut_off(train), {"alpha": 1e12, "min_count": 1, "equal_rows": 0.0, "year": True})
    assert predict(batch(rows(3))) == pytest.approx(train[TARGET].to_numpy().mean(), rel=1e-6)


@pytest.mark.parametrize("year", [False, True])
def test_ridge_takes_a_year_to_come_for_the_newest_it_knows_or_sees_none(year):
    train = batch(rows(60))
    settings = {"alpha": 1.0, "min_count": 1, "equal_rows": 1.0, "year": year}
    oldest, newest, to_come = tuned_baselines.ridge(cut_off(train), settings)(
        batch([row(work_year=2021), row(work_year=2023), row(work_year=2031)])
    )
    assert newest == to_come
    assert (oldest == newest) == (not year)


def test_equal_rows_share_the_weight_of_one():
    found = tuned_baselines.row_weights(batch([row(), row(), row(salary_in_usd=1)]), 1.0)
    assert found == pytest.approx([0.75, 0.75, 1.5])
