from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy import tuned_baselines
from benchmarks.accuracy.future_rows import added_lines, geometric_mean, percentile_interval, ratios, read_cut_off
from pipeline.data.schema import TARGET
from tests.conftest import prepare_settings
from tests.support.tables import row, rows, table

LINES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=12)


def rng():
    return np.random.default_rng(0)


def test_a_row_more_of_a_known_kind_is_new():
    assert added_lines(b"h\na\na\nb\n", b"h\nb\na\n") == b"h\na\n"


def test_line_ends_and_a_missing_last_one_leave_no_trace():
    assert added_lines(b"h\r\na\r\nb", b"h\nb\n") == b"h\na\n"


@given(earlier=LINES, new=LINES, data=st.data())
def test_what_is_added_is_what_was_added_wherever_it_stands(earlier, new, data):
    later = data.draw(st.permutations(earlier + new))
    found = added_lines(table(later, header="h"), table(earlier, header="h")).decode().split()
    assert Counter(found) == Counter(["h", *new])


@given(kept=LINES, dropped=LINES)
def test_a_row_that_is_gone_adds_nothing(kept, dropped):
    assert added_lines(table(kept, header="h"), table([*kept, *dropped], header="h")) == b"h\n"


@pytest.fixture
def snapshots(tmp_path):
    """Three weeks of one row more each."""
    for place, date in enumerate(["2023-01-01", "2023-01-08", "2023-01-15"]):
        (tmp_path / f"salaries_{date}.csv").write_bytes(table([*rows(90), *[row(salary_in_usd=7)] * place]))
    return tmp_path


def test_all_learn_from_the_rows_that_the_pipeline_gives_its_network(snapshots, tmp_path):
    settings = prepare_settings()
    cut_off = read_cut_off(snapshots, "2023-01-01", weeks=2, settings=settings, scratch=tmp_path)
    for split, rows_of_split in {"train": cut_off.train, "valid": cut_off.valid}.items():
        assert pq.read_metadata(cut_off.prepared / f"{split}.parquet").num_rows == rows_of_split.num_rows
    fitted = tuned_baselines.fit_encoder(cut_off.train, min_count=1).to_json()
    assert fitted == (cut_off.prepared / "encoder.json").read_text("utf-8")


@pytest.mark.parametrize(("weeks", "new"), [(1, 1), (2, 2), (99, 2)])
def test_the_future_ends_after_so_many_weeks_or_with_the_last_one(snapshots, tmp_path, weeks, new):
    cut_off = read_cut_off(snapshots, "2023-01-01", weeks=weeks, settings=prepare_settings(), scratch=tmp_path)
    assert cut_off.future[TARGET].to_pylist() == [7] * new


@pytest.mark.parametrize("date", ["2023-01-15", "2023-01-02"])
def test_a_date_without_a_snapshot_or_without_a_future_is_no_cut_off(snapshots, tmp_path, date):
    with pytest.raises(
        ValueError, match=rf"must be the date of a snapshot with a later one, found {date} \(2023-01-01"
    ):
        read_cut_off(snapshots, date, weeks=8, settings=prepare_settings(), scratch=tmp_path)


def test_a_future_row_that_breaks_the_contract_is_an_error(snapshots, tmp_path):
    (snapshots / "salaries_2023-01-22.csv").write_bytes(table([*rows(90), row(company_size="XL")]))
    with pytest.raises(
        ValueError, match=r"future\.csv: 1 of 1 rows break the data contract(.*\n)*  company_size must be one of"
    ):
        read_cut_off(snapshots, "2023-01-01", weeks=3, settings=prepare_settings(), scratch=tmp_path)


def test_a_method_compared_with_itself_has_no_interval():
    errors = np.arange(1.0, 9.0)
    assert percentile_interval(ratios(errors, errors, groups=np.arange(8) // 2, rng=rng())) == (1.0, 1.0)


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    errors = np.random.default_rng(7).uniform(1, 3, 400)
    low, high = percentile_interval(ratios(errors, np.ones(400), groups=np.arange(400), rng=rng()))
    assert (high - low) / 2 == pytest.approx(1.96 * errors.std() / 20, rel=0.05)


def test_copies_in_a_group_do_not_narrow_the_interval():
    errors, others = np.random.default_rng(7).uniform(1, 3, (2, 60))
    once = ratios(errors, others, groups=np.arange(60), rng=rng())
    copied = ratios(np.repeat(errors, 5), np.repeat(others, 5), groups=np.repeat(np.arange(60), 5), rng=rng())
    assert copied == pytest.approx(once)


def test_a_ratio_and_its_inverse_cancel_in_the_mean():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
