from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy import boosters, tuned_baselines
from benchmarks.accuracy.future_rows import added, geometric_mean, interval, ratios, task
from benchmarks.accuracy.scores import OURS, SEEDED, Scores, comparison, report
from benchmarks.accuracy.tuned_baselines import Rival, tune
from pipeline.data.schema import TARGET
from pipeline.evaluation.noise_floor import noise_floor
from tests.conftest import Stage, prepare_settings
from tests.support.tables import batch, row, rows, table

LINES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=12)


def rng():
    return np.random.default_rng(0)


TARGETS, CELLS = np.array([100.0, 120.0, 300.0, 320.0]), np.array([0, 0, 1, 1])
WEEK = Scores(
    train_rows=9,
    target=TARGETS,
    cells=CELLS,
    floor=noise_floor(TARGETS, cells=CELLS, rows=np.arange(4)),
    predictions={OURS: TARGETS[None] + 10, SEEDED: TARGETS[None] + 10, "rival": TARGETS[None] - 20},
    tuned={"rival": 400.0},
)
"""Four rows in two cells; ours errs by 10 dollars each, the rival by 20."""


def test_a_row_more_of_a_known_kind_is_new():
    assert added(b"h\na\na\nb\n", b"h\nb\na\n") == b"h\na\n"


def test_line_ends_and_a_missing_last_one_leave_no_trace():
    assert added(b"h\r\na\r\nb", b"h\nb\n") == b"h\na\n"


@given(earlier=LINES, new=LINES, data=st.data())
def test_what_is_added_is_what_was_added_wherever_it_stands(earlier, new, data):
    later = data.draw(st.permutations(earlier + new))
    found = added(table(later, header="h"), table(earlier, header="h")).decode().split()
    assert Counter(found) == Counter(["h", *new])


@given(kept=LINES, dropped=LINES)
def test_a_row_that_is_gone_adds_nothing(kept, dropped):
    assert added(table(kept, header="h"), table([*kept, *dropped], header="h")) == b"h\n"


@pytest.fixture
def snapshots(tmp_path):
    """Three weeks of one row more each."""
    for place, date in enumerate(["2023-01-01", "2023-01-08", "2023-01-15"]):
        (tmp_path / f"salaries_{date}.csv").write_bytes(table([*rows(90), *[row(salary_in_usd=7)] * place]))
    return tmp_path


def test_all_learn_from_the_rows_that_the_pipeline_gives_its_network(snapshots, tmp_path):
    settings = prepare_settings()
    work = task(snapshots, "2023-01-01", weeks=2, settings=settings, scratch=tmp_path)
    stage = Stage(tmp_path)
    stage.run(work.snapshot)
    assert work.train.num_rows == stage.metrics["rows_train"]
    assert work.valid.num_rows == stage.metrics["rows_valid"]
    assert tuned_baselines.encoder_of(work.train, min_count=1).to_json() == (stage.out / "encoder.json").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(("weeks", "new"), [(1, 1), (2, 2), (99, 2)])
def test_the_future_ends_after_so_many_weeks_or_with_the_last_one(snapshots, tmp_path, weeks, new):
    work = task(snapshots, "2023-01-01", weeks=weeks, settings=prepare_settings(), scratch=tmp_path)
    assert work.future[TARGET].to_pylist() == [7] * new


@pytest.mark.parametrize("date", ["2023-01-15", "2023-01-02"])
def test_a_date_without_a_snapshot_or_without_a_future_is_no_cut_off(snapshots, tmp_path, date):
    with pytest.raises(
        ValueError, match=rf"must be the date of a snapshot with a later one, found {date} \(2023-01-01"
    ):
        task(snapshots, date, weeks=8, settings=prepare_settings(), scratch=tmp_path)


def test_a_future_row_that_breaks_the_contract_is_an_error(snapshots, tmp_path):
    (snapshots / "salaries_2023-01-22.csv").write_bytes(table([*rows(90), row(company_size="XL")]))
    with pytest.raises(ValueError, match=r"1 of 1 rows .*\n\n  company_size must be one of S, M, L"):
        task(snapshots, "2023-01-01", weeks=3, settings=prepare_settings(), scratch=tmp_path)


def test_a_method_compared_with_itself_has_no_interval():
    errors = np.arange(1.0, 9.0)
    assert interval(ratios(errors, errors, groups=np.arange(8) // 2, rng=rng())) == (1.0, 1.0)


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    errors = np.random.default_rng(7).uniform(1, 3, 400)
    low, high = interval(ratios(errors, np.ones(400), groups=np.arange(400), rng=rng()))
    assert (high - low) / 2 == pytest.approx(1.96 * errors.std() / 20, rel=0.05)


def test_copies_in_a_group_do_not_narrow_the_interval():
    errors, others = np.random.default_rng(7).uniform(1, 3, (2, 60))
    once = ratios(errors, others, groups=np.arange(60), rng=rng())
    copied = ratios(np.repeat(errors, 5), np.repeat(others, 5), groups=np.repeat(np.arange(60), 5), rng=rng())
    assert copied == pytest.approx(once)


def test_a_ratio_and_its_inverse_cancel_in_the_mean():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_the_table_has_each_error_as_a_multiple_of_ours_and_marks_the_choice_of_the_validation_rows():
    weeks = {"2023-01-01": replace(WEEK, tuned={"rival": 400.0, "lucky": 900.0})}
    *_, ours, rival = comparison(weeks, methods=[OURS, "rival"])
    assert ours == f"| {OURS} | 1 | 1 |"
    assert rival == "| rival | **4.000 (4.00–4.00)** | 4.000 (4.00–4.00) |"


def test_what_is_not_installed_is_said_to_be():
    assert comparison({"2023-01-01": WEEK}, methods=["boost"])[-1] == "| boost | not installed | not installed |"


def test_the_report_ends_with_ours_against_the_rival_chosen_and_the_best():
    predictions = {**WEEK.predictions, "lucky": TARGETS[None] + 5}
    chosen, best, *_ = report(
        {"2023-01-01": replace(WEEK, predictions=predictions, tuned={"rival": 400.0, "lucky": 900.0})}, methods=[OURS]
    ).splitlines()[-4:]
    assert chosen == "full / the rival that the validation rows choose: 0.250 (0.25–0.25)"
    assert best == "full / the best rival in hindsight: 4.000 (4.00–4.00)"


def test_scores_are_in_dollars_and_of_several_fits_the_mean():
    predictions = {**WEEK.predictions, OURS: np.stack([TARGETS + 10, TARGETS - 30])}
    weeks = {"2023-01-01": replace(WEEK, predictions=predictions)}
    assert f"| {OURS} | 5.000e+02 · 22 · 0.950 |" in report(weeks, methods=[OURS])


def test_the_floor_is_compared_on_the_rows_where_it_is_known():
    cells = np.array([0, 0, 1, 2])
    floor = noise_floor(TARGETS, cells=cells, rows=np.arange(4))
    errors = np.array([[20.0, 20.0, 1000.0, 1000.0]])
    assert replace(WEEK, floor=floor, predictions={OURS: TARGETS + errors}).above_floor() == pytest.approx(400 / 200)


def test_the_report_says_where_no_floor_is_known():
    lines = report({"known": WEEK, "not": replace(WEEK, floor=None)}, methods=[OURS]).splitlines()
    assert "| noise floor, where known | 2.000 (100% of rows) | unknown | 2.000 |" in lines


def test_tuning_keeps_the_trial_that_is_best_on_the_validation_rows():
    guesses = Rival(
        {"guess": tuned_baselines.flat(0, 300_000)},
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
    found = tuned_baselines.weights(batch([row(), row(), row(salary_in_usd=1)]), 1.0)
    assert found == pytest.approx([0.75, 0.75, 1.5])


def test_trees_see_years_as_numbers_categories_as_such_and_words_by_name():
    train = batch(rows(10))
    frame = boosters.features(batch([row(work_year=2031)]), tuned_baselines.encoder_of(train, min_count=1), words=True)
    assert frame["work_year"].tolist() == [2031]
    assert set(frame.columns[frame.dtypes == "category"]) == set(boosters.NOMINALS)
    assert frame.filter(like="word_").sum(axis=1).tolist() == [2]  # data, scientist


def test_boosting_is_given_the_settings_it_knows_and_speaks_dollars():
    seen = {}

    class Model:
        def predict(self, frame):
            return np.zeros(len(frame))

    def grow(train, valid, row_weights, settings):
        seen.update(settings)
        return Model()

    train = batch(rows(10))
    settings = {"depth": 3, "words": False, "min_count": 1, "equal_rows": 0.5}
    predict = boosters.fit(train, train, settings, grow=grow)
    assert seen == {"depth": 3}
    assert predict(pa.RecordBatch.from_arrays(train.columns, schema=train.schema)) == pytest.approx(
        train[TARGET].to_numpy().mean()
    )
