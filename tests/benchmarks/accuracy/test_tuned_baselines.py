import numpy as np
import pytest

from benchmarks.accuracy import tuned_baselines
from benchmarks.accuracy.tuned_baselines import Rival, tune
from pipeline.data.schema import TARGET
from tests.support.tables import batch, row, rows


def test_tuning_keeps_the_trial_that_is_best_on_the_validation_rows():
    guesses = Rival(
        {"guess": tuned_baselines.uniform(0, 300_000)},
        lambda train, valid, settings: lambda rows: np.full(rows.num_rows, settings["guess"]),
        "numpy",
    )
    train, valid = batch(rows(4)), batch([row(salary_in_usd=150_000)])
    mse, predict = tune(guesses, train, valid, trials=50)
    (guess,) = predict(valid)
    assert mse == pytest.approx((guess - 150_000) ** 2)
    assert guess == pytest.approx(150_000, rel=0.05)
    assert tune(guesses, train, valid, trials=50)[0] == mse


def test_a_cell_is_shrunk_to_the_coarser_one_around_it():
    train = batch([row(salary_in_usd=100), row(salary_in_usd=200, job_title="Analyst"), row(salary_in_usd=600)])
    predict = tuned_baselines.cell_mean(train, train, {"coarse": 1.0, "middle": 2.0, "fine": 2.0})
    coarse = (900 + 300) / (3 + 1)
    middle = (200 + 2 * coarse) / (1 + 2)
    analyst = row(job_title="Analyst")
    assert predict(batch([analyst, row(company_location="GB")])) == pytest.approx([(200 + 2 * middle) / 3, 300])


def test_ridge_shrunk_to_nothing_predicts_the_training_mean():
    train = batch(rows(60))
    predict = tuned_baselines.ridge(train, train, {"alpha": 1e12, "min_count": 1, "equal_rows": 0.0})
    assert predict(batch(rows(3))) == pytest.approx(train[TARGET].to_numpy().mean(), rel=1e-6)


def test_ridge_takes_a_year_to_come_for_the_newest_it_knows():
    train = batch(rows(60))
    predict = tuned_baselines.ridge(train, train, {"alpha": 1.0, "min_count": 1, "equal_rows": 1.0})
    newest, to_come = predict(batch([row(work_year=2023), row(work_year=2031)]))
    assert newest == to_come


def test_equal_rows_share_the_weight_of_one():
    found = tuned_baselines.row_weights(batch([row(), row(), row(salary_in_usd=1)]), 1.0)
    assert found == pytest.approx([0.75, 0.75, 1.5])
