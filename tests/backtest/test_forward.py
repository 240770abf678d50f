import datetime

import pyarrow.parquet as pq
import pytest

from benchmarks.accuracy import tuned_baselines
from pipeline.backtest import forward
from pipeline.backtest.forward import CHOOSING, choose_cut_offs, new_row_counts, read_cut_off
from pipeline.data.schema import TARGET
from pipeline.tune import prepare_in
from tests.conftest import prepare_settings
from tests.support.tables import parquet, row, rows, table

FIRST, SECOND, THIRD = (datetime.date(2023, 1, day) for day in (1, 8, 15))
WEEK = datetime.timedelta(days=7)


def write_snapshots(folder, weeks):
    """One snapshot a week, of these lines each; returns them by date."""
    snapshots = {FIRST + number * WEEK: folder / f"{number}.csv" for number in range(len(weeks))}
    for file, lines in zip(snapshots.values(), weeks, strict=True):
        file.write_bytes(table(lines))
    return snapshots


@pytest.fixture
def snapshots(tmp_path):
    """Three weeks of one row more each."""
    return write_snapshots(tmp_path, [[*rows(90), *[row(salary_in_usd=7)] * place] for place in range(3)])


def read(snapshots, date, scratch, *, weeks=1):
    return read_cut_off(
        snapshots, date, weeks=weeks, settings=prepare_settings(), prepare=prepare_in, scratch=scratch / "scratch"
    )


def test_all_learn_from_the_rows_that_the_pipeline_gives_its_network(snapshots, tmp_path):
    cut_off = read(snapshots, FIRST, tmp_path, weeks=2)
    for split, rows_of_split in {"train": cut_off.train, "valid": cut_off.valid}.items():
        assert pq.read_metadata(cut_off.prepared / f"{split}.parquet").num_rows == rows_of_split.num_rows
    fitted = tuned_baselines.fit_encoder(cut_off.train, min_count=1).to_json()
    assert fitted == (cut_off.prepared / "encoder.json").read_text("utf-8")


@pytest.mark.parametrize(("weeks", "new"), [(1, 1), (2, 2), (99, 2)])
def test_the_future_ends_after_so_many_weeks_or_with_the_last_one(snapshots, tmp_path, weeks, new):
    assert read(snapshots, FIRST, tmp_path, weeks=weeks).future[TARGET].to_pylist() == [7] * new


def test_snapshots_may_be_of_several_formats(snapshots, tmp_path):
    snapshots[SECOND].write_bytes(parquet(snapshots[SECOND].read_bytes()))
    assert read(snapshots, FIRST, tmp_path).future[TARGET].to_pylist() == [7]


@pytest.mark.parametrize("date", [THIRD, datetime.date(2023, 1, 2)])
def test_a_date_without_a_snapshot_or_without_a_future_is_no_cut_off(snapshots, tmp_path, date):
    with pytest.raises(
        ValueError, match=rf"must be the date of a snapshot with a later one, found {date} \(2023-01-01"
    ):
        read(snapshots, date, tmp_path)


def test_a_future_row_that_breaks_the_contract_is_an_error(snapshots, tmp_path):
    snapshots[SECOND].write_bytes(table([*rows(90), row(company_size="XL")]))
    with pytest.raises(
        ValueError, match=r"1\.csv: 1 of 91 rows break the data contract(.*\n)*  company_size must be one of"
    ):
        read(snapshots, FIRST, tmp_path)


def test_the_rows_of_all_weeks_to_come_count_and_the_last_snapshots_have_none(snapshots):
    assert new_row_counts(snapshots, weeks=1, settings=prepare_settings()) == {FIRST: 1, SECOND: 1}
    assert new_row_counts(snapshots, weeks=2, settings=prepare_settings()) == {FIRST: 2}


@pytest.fixture
def few_rows(monkeypatch):
    monkeypatch.setattr(forward, "LEAST_NEW_ROWS", 3)


def choose(snapshots, *, weeks):
    first = min(snapshots)
    return [(date - first) // WEEK for date in choose_cut_offs(snapshots, weeks=weeks, settings=prepare_settings())]


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(
    ("count", "weeks", "chosen"),
    [(7, 1, [0, 1, 2, 3, 4, 5]), (16, 1, [0, 3, 6, 9, 13, 14]), (16, 3, [0, 2, 4, 6, 9, 12])],
)
def test_cut_offs_are_evenly_spaced_and_the_last_one_begins_when_all_others_have_ended(tmp_path, count, weeks, chosen):
    snapshots = write_snapshots(tmp_path, [rows(20 + 3 * number) for number in range(count)])
    assert choose(snapshots, weeks=weeks) == chosen


@pytest.mark.usefixtures("few_rows")
def test_a_date_after_which_few_rows_came_is_no_cut_off(tmp_path):
    counts = [20, 21, 22, *range(40, 70, 3), 68]  # the first two and the last one add one row each
    snapshots = write_snapshots(tmp_path, [rows(count) for count in counts])
    assert choose(snapshots, weeks=1) == [2, 4, 6, 8, 10, 11]


@pytest.mark.usefixtures("few_rows")
def test_a_date_after_which_less_came_than_a_tenth_of_the_most_is_none_either(tmp_path):
    snapshots = write_snapshots(tmp_path, [rows(count) for count in (20, 24, 28, *range(100, 400, 50))])
    assert choose(snapshots, weeks=1) == [2, 3, 4, 5, 6, 7]


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([20, 30, 40, 50, 60, 70], "tuning needs at least 7 snapshots; found 6: bring more snapshots, or give other"),
        ([20] * 9, rf"needs {CHOOSING} snapshots, and a later one, whose next 1 each add 3 rows or more; found 0: "),
        ([20, 30, 40, 50, 60, 61, 62], r"whose next 1 each add 3 rows or more; found 3: bring more snapshots, or give"),
    ],
)
def test_too_few_snapshots_are_an_error_that_says_what_would_do(tmp_path, counts, found):
    snapshots = write_snapshots(tmp_path, [rows(count) for count in counts])
    with pytest.raises(ValueError, match=found):
        choose(snapshots, weeks=1)
