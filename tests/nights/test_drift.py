"""Known changes of a table, and the real weeks: which of them are worth a warning."""

import numpy as np
import pytest

from pipeline import params
from pipeline.data.raw_table import read_table
from pipeline.data.schema import AMOUNTS, COLUMNS
from pipeline.nights.drift import Measure, TableDrift, exceeding, measures, stability_index, table_drift
from tests.conftest import prepare_settings
from tests.support.tables import row, rows, table
from tests.support.work_tree import ROOT

NIGHTLY = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml")
LIMITS = NIGHTLY.drift
TO_NAME = {"2022-02-06", "2022-05-22", "2023-01-15", "2024-05-12"}
"""Years are relabelled; another population; a new year's rows; other titles."""


def limits_of(limits):
    """These limits, and no others."""
    return params.DriftLimits.model_validate(dict.fromkeys(params.DriftLimits.model_fields) | limits)


@pytest.fixture
def compare(tmp_path):
    """Compares two tables by their lines; returns the measures by title."""

    def compare(before, after):
        found = []
        for number, lines in enumerate((before, after)):
            (tmp_path / f"{number}.csv").write_bytes(table(lines))
            found.append(read_table(tmp_path / f"{number}.csv", settings=prepare_settings()))
        return {measure.title: measure.value for measure in measures(*found)}

    return compare


def test_the_same_rows_in_another_order_differ_in_nothing(compare):
    assert set(compare(rows(100), rows(100)[::-1]).values()) == {0.0}


def test_rows_that_have_gone_and_come_in_equal_number_count_as_changed(compare):
    found = compare(rows(100), [*rows(90), *(row(salary_in_usd=60_500 + number) for number in range(15))])
    assert (found["rows_gone"], found["rows_added"], found["rows_changed"]) == (0.0, 0.05, 0.1)
    found = compare(rows(100), rows(50))
    assert (found["rows_gone"], found["rows_added"], found["rows_changed"]) == (0.5, 0.0, 0.0)


def test_a_relabelled_year_is_seen_although_no_row_has_changed(compare):
    lines = [row(work_year="2021e", salary_in_usd=60_000 + number) for number in range(10)]
    found = compare(lines, [line.replace("2021e", "2021") for line in lines])
    assert found["estimated_values of work_year"] == 1.0
    assert found["rows_changed"] == 0.0


def test_a_new_category_is_counted_by_its_rows(compare):
    found = compare(rows(60), [*rows(60), *(row(job_title="Prompt Engineer") for _ in range(20))])
    assert found["new_categories of job_title"] == 0.25
    others = set(COLUMNS) - {*AMOUNTS, "job_title"}
    assert {found[f"new_categories of {name}"] for name in others} == {0.0}


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_has_its_stability_index(compare, column):
    other = {"experience_level": "EX", "employment_type": "CT", "remote_ratio": "50", "company_size": "S"}
    other |= {"job_title": "Prompt Engineer", "salary_currency": "EUR", "work_year": "2020"}
    other |= dict.fromkeys(("employee_residence", "company_location"), "FR") | dict.fromkeys(AMOUNTS, "999999")
    found = compare(rows(100), [*rows(50), *(row(**{column: other[column]}) for _ in range(50))])
    assert found[f"stability_index of {column}"] > 0.25


def test_the_targets_mean_and_spread_change_as_a_share_of_the_larger(compare):
    before = [row(salary_in_usd=amount) for amount in (50_000, 150_000)]
    found = compare(before, [row(salary_in_usd=amount) for amount in (100_000, 300_000)])
    assert (found["target_mean of salary_in_usd"], found["target_spread of salary_in_usd"]) == (0.5, 0.5)
    found = compare(before[:1], before[:1])
    assert found["target_spread of salary_in_usd"] == 0.0


def test_the_stability_index_is_the_symmetric_divergence():
    before, after = np.array([999.5, 499.5, 0]), np.array([499.5, 999.5, 0])
    shares = (np.array([2 / 3, 1 / 3]), np.array([1 / 3, 2 / 3]))
    divergences = [(one * np.log(one / other)).sum() for one, other in (shares, shares[::-1])]
    assert stability_index(before, after) == pytest.approx(sum(divergences))


def test_only_a_measure_above_its_limit_is_beyond_it(compare, tmp_path):
    for name, lines in {"a": rows(100), "b": rows(90)}.items():
        (tmp_path / f"{name}.csv").write_bytes(table(lines))
    found = measures(*(read_table(tmp_path / f"{name}.csv", settings=prepare_settings()) for name in "ab"))
    assert not exceeding(found, limits_of({"rows_gone": 0.1}))
    assert list(map(str, exceeding(found, limits_of({"rows_gone": 0.09})))) == ["rows_gone: 0.1"]


def test_what_chance_may_have_made_is_within_the_limit():
    found = [Measure("new_rows_bias", "", 0.2, least=0.1)]
    assert not exceeding(found, limits_of({"new_rows_bias": 0.1}))
    assert exceeding(found, limits_of({"new_rows_bias": 0.09})) == found


def test_what_stops_a_night_is_no_warning_besides(tmp_path):
    for name, lines in {"a": rows(100), "b": rows(80)}.items():
        (tmp_path / f"{name}.csv").write_bytes(table(lines))
    before, after = (read_table(tmp_path / f"{name}.csv", settings=prepare_settings()) for name in "ab")
    low, high = ({"rows_gone": limit} for limit in (0.1, 0.3))
    for stop, names in ((low, [[], ["rows_gone"]]), (high, [["rows_gone"], []])):
        limits = LIMITS.model_copy(update={"stop": limits_of(stop), "warn": limits_of(low)})
        found = table_drift(before, after, limits=limits)
        assert [[measure.name for measure in beyond] for beyond in (found.warnings, found.breaches)] == names
        assert found.measures == measures(before, after)
    assert table_drift(None, after, limits=limits) == TableDrift()


@pytest.mark.soak
@pytest.mark.real
def test_the_real_weeks_to_notice_are_named_and_the_others_are_quiet(real_tables):
    settings = params.load(params.Prepare, "prepare", file=ROOT / "params.yaml")
    tables = [read_table(file, settings=settings) for file in real_tables]
    found = {
        file.stem[-10:]: (len(before.hashes), measures(before, after))
        for file, before, after in zip(real_tables[1:], tables, tables[1:], strict=False)
    }
    warned = {date for date, (_, changes) in found.items() if exceeding(changes, LIMITS.warn)}
    large = {date for date, (count, _) in found.items() if count > 1000} - TO_NAME
    assert warned >= TO_NAME
    assert len(large) > 50
    assert len(large & warned) <= len(large) / 20
    assert not [date for date, (_, changes) in found.items() if exceeding(changes, LIMITS.stop)]
