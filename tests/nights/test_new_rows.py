"""What new rows say: against independent formulas, and whether it is beyond chance."""

import numpy as np
import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from pipeline import params
from pipeline.data.raw_table import new_rows, read_table
from pipeline.model.bundle import Bundle
from pipeline.nights.drift import exceeding, measures
from pipeline.nights.new_rows import (
    BIAS,
    Expected,
    bias,
    cumulative_bias,
    measure_new_rows,
    of_what_was_expected,
    unseen_values,
    wilson,
)
from pipeline.tune import prepare_in, train_in
from tests.nights.test_drift import TO_NAME
from tests.support.tables import row, rows
from tests.support.work_tree import ROOT

LIMITS = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").drift


def survey(count, *, shift=0.0, spread=1.0, seed=1, copies=1):
    """Rows that a model is wrong about by half, each so often, with an interval of 80 % around the prediction."""
    random = np.random.default_rng(seed)
    error = random.normal(shift, 50_000 * spread, count)
    actual = 200_000 + error
    inside = np.abs(error) < 1.2816 * 50_000
    repeated = (np.repeat(column, copies) for column in (actual, inside, np.arange(count)))
    actual, inside, groups = repeated
    return Expected(actual, np.full(len(actual), 200_000.0), inside, groups)


def measured(new, *, earlier_bias=(), most=8.0):
    """The measures by name, against rows of the model's test."""
    test = survey(2000, seed=9)
    found = of_what_was_expected(new, test, confidence=0.999, earlier_bias=earlier_bias, most=most)
    return {measure.name: measure for measure in found}


@pytest.mark.parametrize(("hits", "draws"), [(0, 10), (3, 10), (97, 100), (100, 100)])
def test_the_interval_of_a_share_is_wilsons(hits, draws):
    ends = binomtest(hits, draws).proportion_ci(0.998, method="wilson")
    assert wilson(hits / draws, draws, confidence=0.999) == pytest.approx((ends.low, ends.high))


def test_the_bias_of_rows_without_copies_has_the_textbooks_standard_error():
    new = survey(400, shift=10_000)
    share, deviation = bias(new)
    errors = new.actual - new.predicted
    assert share == pytest.approx(errors.mean() / new.actual.mean())
    assert deviation == pytest.approx(errors.std(ddof=1) / np.sqrt(400) / new.actual.mean())


def test_copies_of_a_row_say_nothing_more():
    once, thrice = (measured(survey(300, shift=20_000, copies=copies)) for copies in (1, 3))
    for name, measure in once.items():
        assert (thrice[name].value, thrice[name].least) == pytest.approx(
            (measure.value, measure.least), nan_ok=False
        ), name


@pytest.mark.parametrize("seed", range(20))
def test_rows_like_those_before_are_within_all_limits(seed):
    assert not exceeding([*measured(survey(300, seed=100 + seed)).values()], LIMITS.warn)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"shift": 30_000}, "new_rows_bias"),
        ({"shift": -30_000}, "new_rows_bias"),
        ({"spread": 1.6}, "new_rows_error"),
        ({"spread": 1.6}, "new_rows_coverage"),
    ],
)
def test_what_is_beyond_a_limit_and_chance_is_named(changes, name):
    assert name in {measure.name for measure in exceeding([*measured(survey(600, **changes)).values()], LIMITS.warn)}


def test_of_few_rows_a_large_effect_may_be_chance():
    found = measured(survey(20, shift=15_000, seed=3))
    assert found["new_rows_bias"].value > LIMITS.warn.new_rows_bias
    assert not exceeding([*found.values()], LIMITS.warn)


def test_many_nights_one_way_add_up_and_nights_both_ways_do_not():
    assert cumulative_bias([1.25] * 9, most=8.0) == 9.0
    assert cumulative_bias([-1.25] * 9, most=8.0) == 9.0
    assert cumulative_bias([1.25, -1.25] * 30, most=8.0) <= 1.0


def test_one_night_alone_adds_no_more_than_most():
    assert cumulative_bias([50.0], most=8.0) == 2.75


def test_the_sum_starts_anew_behind_a_night_beyond_the_limit():
    assert cumulative_bias([1.25] * 10, most=8.0) == 1.0
    assert cumulative_bias([1.25] * 10, most=None) == 10.0


def test_nights_of_before_count_in_tonights_sum():
    new = survey(300, shift=3_000, seed=3)
    share, deviation = bias(new)
    before = measured(new, earlier_bias=[1.25] * 4)["bias_over_nights"].value
    assert before == pytest.approx(4.0 + min(share / deviation, 3.0) - 0.25)


def test_values_that_no_row_had_are_counted_by_feature_among_the_new_rows(read):
    lines = [*rows(100), *(row(job_title=f"Prompt Engineer {number}") for number in range(30)), *rows(110)[100:]]
    before, after = read(rows(100)), read(lines)
    found = {m.column: m for m in unseen_values(before, after, new_rows(before, after), confidence=0.999)}
    assert found["job_title"].value == 0.75
    assert 0.4 < (found["job_title"].least or 0) < 0.75
    assert {measure.value for name, measure in found.items() if name != "job_title"} == {0.0}


@pytest.mark.parametrize(("least_rows", "told"), [(1, True), (2, False)])
def test_of_one_new_row_no_mean_is_told_where_it_would_be_that_row(read, modelled, least_rows, told):
    before, after = read(rows(600)), read([*rows(600), row(salary_in_usd=98_765)])
    bundle = Bundle.load(modelled.folder / "model")
    _, numbers = measure_new_rows(before, after, bundle, limits=LIMITS, earlier_bias=[], least_rows=least_rows)
    assert numbers["new_rows"] == 1
    assert ("champion_new_rows_mse_usd2" in numbers) == told


@pytest.mark.soak
@pytest.mark.real
def test_the_real_weeks_to_notice_are_named_and_few_others(real_tables, tmp_path):
    settings = params.load(params.Prepare, "prepare", file=ROOT / "params.yaml")
    recipe = params.load(params.Recipe, "recipes", "full", file=ROOT / "params.yaml")
    named, sizes, before = set(), {}, None
    earlier: list[float] = []
    for number, file in enumerate(real_tables):
        after = read_table(file, settings=settings)
        if before is not None:
            folder = tmp_path / str(number)
            prepare_in(folder, real_tables[number - 1], settings=settings)
            found, numbers = measure_new_rows(
                before, after, train_in(folder, recipe), limits=LIMITS, earlier_bias=earlier
            )
            earlier += [numbers[BIAS]] if BIAS in numbers else []
            sizes[file.stem[-10:]] = len(before.hashes)
            named |= {file.stem[-10:]} if exceeding([*found, *measures(before, after)], LIMITS.warn) else set()
        before = after
    assert named >= TO_NAME | {"2024-06-23", "2024-07-28"}
    others = {date for date, count in sizes.items() if count > 1000} - TO_NAME - {"2024-06-23", "2024-07-28"}
    assert len(others) > 80
    assert len(named & others) <= len(others) / 20
