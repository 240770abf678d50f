"""Tables that a night rejects or cannot judge, in nights that are spent for real."""

import datetime
import gzip
from pathlib import Path

import pytest

from pipeline.nights import check
from pipeline.nights.record import NightOutcome
from tests.support.night_project import (
    DATE,
    RECORD,
    TONIGHT,
    YESTERDAY,
    change_settings,
    committed,
    history,
    night,
    push_changes,
)
from tests.support.skips import in_soak
from tests.support.tables import parquet, rows, table
from tests.support.tiny_project import state


def test_half_the_rows_gone_is_rejected_and_yesterdays_table_stays(project):
    result = night(project, table(rows(300)))
    assert result.outcome == NightOutcome.REJECTED
    assert "beyond nightly.drift.stop: rows_gone 50 % (limit " in result.message
    assert committed(project) == RECORD
    assert (project / "data/raw/salaries.csv").read_bytes() == YESTERDAY
    assert history(project)[0]["beyond_limits"].startswith("rows_gone: 0.5")
    (rejected,) = (project / "runs").glob("*/rejected.csv")
    assert rejected.read_bytes() == table(rows(300))


def another_table(file):
    file.write_bytes(table(rows(590)))


@pytest.mark.parametrize("pack", in_soak(gzip.compress, parquet), ids=["gzip", "Parquet"])
def test_a_table_of_another_format_is_the_table_that_it_holds(project, pack):
    packed = night(project, pack(table(rows(300))))
    plain = night(project, table(rows(300)), date=DATE + datetime.timedelta(days=1))
    assert packed.outcome == NightOutcome.REJECTED
    assert packed.message == plain.message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (TONIGHT[:-20], "break the data contract"),
        *in_soak(
            (b"<html><body>502 Bad Gateway</body></html>\n", "found what seems to be an HTML or XML page"),
            (TONIGHT.replace(b"salary_in_usd", b"salary_usd", 1), "salary_in_usd"),
        ),
    ],
    ids=["a truncated file", "an HTML error page", "a renamed column"],
)
def test_what_breaks_the_contract_is_rejected(project, source, words):
    change_settings(project, record_kept=False)
    before = state(project)
    result = night(project, source)
    assert result.outcome == NightOutcome.REJECTED
    assert words in result.message
    assert str(project) not in result.message
    assert state(project) == before


@pytest.mark.soak
@pytest.mark.parametrize(
    ("change", "found", "fix"),
    [
        (Path.unlink, "none in its place", "bring data/raw/salaries.csv back into git or DVC's remote"),
        (another_table, "another table in its place", "dvc repro, commit and push"),
    ],
    ids=["none", "another"],
)
def test_without_yesterdays_table_the_night_fails_since_rows_may_be_gone(project, change, found, fix):
    change(project / "data/raw/salaries.csv")
    push_changes(project, "the table, but no dvc repro")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    rule = "must be the one that dvc.lock records, and keep the contract"
    assert f"yesterday's table {rule}, found {found}; {fix}; or look at tonight's and --force it" in result.message
    assert night(project, force_reason="I have looked at it").outcome == NightOutcome.FORCED


@pytest.mark.soak
def test_a_large_table_that_is_rejected_is_not_kept(project, monkeypatch):
    monkeypatch.setattr(check, "KEPT_BYTES", 1000)
    result = night(project, table(rows(300)))
    assert result.message.endswith("; the table is not kept: it has more than 1,000 bytes")
    assert not list((project / "runs").glob("*/rejected*"))


@pytest.mark.soak
def test_a_table_that_becomes_too_large_is_rejected(project):
    change_settings(project, max_bytes=20_000)
    result = night(project, gzip.compress(table(rows(640))))
    assert result.outcome == NightOutcome.REJECTED
    assert "at most nightly.max_bytes, 20,000 bytes, once it is unpacked" in result.message
