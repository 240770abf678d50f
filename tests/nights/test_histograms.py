import datetime

import pytest

from pipeline.data.raw_table import read_table
from pipeline.nights.drift import Measure, TableDrift
from pipeline.nights.histograms import histograms
from tests.conftest import prepare_settings
from tests.support.tables import row, rows, table


@pytest.fixture
def spread(tmp_path):
    """Compares two tables by their lines; returns the histograms of these columns."""

    def spread(before, after, *columns, since=None):
        tables = []
        for number, lines in enumerate((before, after)):
            (tmp_path / f"{number}.csv").write_bytes(table(lines))
            tables.append(read_table(tmp_path / f"{number}.csv", settings=prepare_settings()))
        beyond = [Measure("stability_index", column, 1.0, since=since) for column in columns]
        before_table, after_table = tables
        return histograms(before_table, after_table, TableDrift(beyond, beyond[:1], beyond[1:]))

    return spread


def test_only_columns_beyond_a_limit_are_counted(spread):
    assert spread(rows(60), rows(60)) == {}
    assert list(spread(rows(60), rows(60), "", "job_title", "company_size")) == ["job_title", "company_size"]


def test_a_column_that_has_moved_slowly_is_hardly_other_than_yesterday_and_not_counted(spread):
    assert spread(rows(60), rows(60), "job_title", since=datetime.date(2025, 1, 31)) == {}


def test_values_are_shares_of_each_table_the_most_frequent_first(spread):
    before = [row(job_title="A", salary_in_usd=50_000 + number) for number in range(8)]
    after = [*before[:4], *(row(job_title="B", salary_in_usd=60_000 + number) for number in range(12))]
    assert spread(before, after, "job_title") == {"job_title": {"A": (1.0, 0.25), "B": (0.0, 0.75)}}


def test_rare_values_are_one_and_numbers_stay_in_order(spread):
    before = [row(job_title=f"Title {chr(65 + number)}", salary_in_usd=50_000 + number) for number in range(20)]
    years = [row(work_year=year, salary_in_usd=50_000) for year in (2023, 2021, 2023, 2022)]
    (titles,) = spread(before, before, "job_title").values()
    assert list(titles)[-1] == "(12 others)"
    assert titles["(12 others)"] == pytest.approx((0.6, 0.6))
    (found,) = spread(years, years, "work_year").values()
    assert list(found.items()) == [("2021", (0.25, 0.25)), ("2022", (0.25, 0.25)), ("2023", (0.5, 0.5))]


def test_amounts_are_counted_in_ranges_of_round_ends_that_hold_them_all(spread):
    before = [row(salary_in_usd=50_000 + 1_000 * number) for number in range(100)]
    after = [row(salary_in_usd=100_000 + 1_000 * number) for number in range(50)]
    (found,) = spread(before, after, "salary_in_usd").values()
    assert found["60,000 to 80,000"] == (0.2, 0.0)
    assert found["100,000 to 120,000"] == (0.2, 0.4)
    assert [sum(shares) for shares in zip(*found.values(), strict=True)] == pytest.approx([1.0, 1.0])
    first, *_, last = found
    assert (first[:6], last[-8:]) == ("below ", " or more")
