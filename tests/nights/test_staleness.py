"""What nights say when nothing changes for long: by their history, and by the logs of those without a commit."""

import datetime
import json
from dataclasses import replace

import pytest

from pipeline import params
from pipeline.nights.night import Night, NightResult
from pipeline.nights.record import NightOutcome, Record
from pipeline.nights.staleness import PastNight, staleness, with_staleness
from pipeline.repository.dvc_lock import md5_of
from pipeline.repository.project import Project
from pipeline.repository.workspace import Workspace
from tests.support.night_project import change_settings, log_of, night
from tests.support.settings import all_settings

START = datetime.date(2026, 1, 1)
TODAY = datetime.date.today()


def day(number):
    return START + datetime.timedelta(number)


def measures(*nights, today):
    """Of nights given as `3 kept B`: the day, the decision, the source's table."""
    words = [one.split() for one in nights]
    past = [PastNight(day(int(number)), decision, table) for number, decision, table in words]
    return staleness(past, today=day(today))


def test_a_champion_is_as_old_as_the_night_that_accepted_it():
    assert measures("0 first A", "3 promoted B", "9 kept C", today=10)["champion_days"] == 7
    assert "champion_days" not in measures("9 kept C", today=10)


def test_after_a_rollback_the_champion_is_as_old_as_the_one_that_is_back():
    past = ("0 first A", "3 promoted B", "6 rollback A")
    assert measures(*past, "9 kept C", today=10)["champion_days"] == 10
    assert measures(*past, "7 rollback B", today=10)["champion_days"] == 7
    assert measures("6 rollback Z", today=10)["champion_days"] == 4


def test_a_source_stands_still_since_its_table_was_first_seen_and_rollbacks_do_not_change_it():
    past = ("0 first A", "3 promoted B", "4 unchanged B", "6 rollback A", "10 unchanged B")
    assert measures(*past, today=10)["source_days"] == 7
    assert measures(*past, "12 unchanged A", today=12)["source_days"] == 0


def test_nights_kept_in_a_row_are_counted_since_the_last_champion_and_others_do_not_interrupt_them():
    kept = ("4 kept C", "5 unchanged C", "6 rejected D", "7 kept E")
    assert measures("0 kept A", "3 promoted B", *kept, today=7)["kept_in_a_row"] == 2
    assert measures("0 kept A", "3 rollback B", *kept, today=7)["kept_in_a_row"] == 2
    assert measures(*kept, "8 forced F", today=7)["kept_in_a_row"] == 0


@pytest.fixture
def tonight(tmp_path):
    """A night at its limits: 7 days after the champion was accepted, the third one kept."""
    nightly = params.parse(params.Nightly, all_settings()["nightly"], where="test")
    limits = params.StalenessLimits(champion_days=7, source_days=7, kept_in_a_row=3)
    settings = nightly.model_copy(update={"staleness": params.Staleness(stop=limits, warn=limits)})
    lines = [f"2026-01-{number:02},{word},{table}\n" for number, word, table in PAST]
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/history.csv").write_text("".join(["date,decision,table_md5\n", *lines, "some day,kept,D\n"]))
    prepare = params.parse(params.Prepare, all_settings()["prepare"], where="test")
    project = Project.at(tmp_path)
    tree = Workspace(project, project, branch="main", commit="0", cache=tmp_path, has_remote=False)
    return Night(tree, tmp_path / "runs/tonight", day(7), None, settings, prepare, "table.csv", {})


PAST = [(1, "promoted", "A"), (2, "kept", "B"), (3, "kept", "C")]
RECORD = Record(datetime.date(2026, 1, 8), NightOutcome.KEPT, "worse", table_md5="D", settings_md5="p")
KEPT = NightResult(NightOutcome.KEPT, "worse", RECORD, "c0ffee", table_md5="D")


def test_a_night_at_its_limits_is_as_it_was(tonight):
    assert with_staleness(tonight, KEPT) == KEPT


def test_beyond_a_stop_limit_it_needs_somebody_and_says_what_it_were(tonight):
    found = with_staleness(replace(tonight, date=day(8)), KEPT)
    assert (found.outcome, found.outcome.exit_code, found.commit) == ("stale", 43, "c0ffee")
    assert found.message.startswith("the champion is 8 days old (nightly.staleness.stop.champion_days: 7); see whether")
    assert found.message.endswith("; otherwise the night would be kept: worse")


def test_beyond_a_warning_limit_it_says_so(tonight):
    none = params.StalenessLimits(champion_days=None, source_days=None, kept_in_a_row=None)
    limits = tonight.settings.staleness.model_copy(update={"stop": none})
    tonight = replace(tonight, date=day(8), settings=tonight.settings.model_copy(update={"staleness": limits}))
    message = "worse; the champion is 8 days old (nightly.staleness.warn.champion_days: 7)"
    assert with_staleness(tonight, KEPT) == replace(KEPT, message=message)


def test_nights_without_a_commit_count_by_their_logs_and_a_damaged_log_does_not(tonight):
    kept = {"ending": "kept", "record": {"decision": "kept"}}
    logs = [
        {**kept, "date": "2026-01-04", "table_md5": "D"},
        {**kept, "date": "2026-01-05", "table_md5": "D", "ending": "stale"},
        {**kept, "date": "2026-01-03", "table_md5": "C"},  # in the history, too
        {"ending": "unchanged", "record": None, "date": "2026-01-06", "table_md5": "D"},
        {"ending": "failed", "record": None, "date": "2026-01-07", "table_md5": ""},
        [],
    ]
    files = [tonight.folder.parent / f"{number}/night.json" for number in range(len(logs))]
    for file, log in zip(files, logs, strict=True):
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(log))
    assert "kept 5 nights in a row" in with_staleness(tonight, KEPT).message
    files[0].write_text('{"date": ')
    assert "kept 4 nights in a row" in with_staleness(tonight, KEPT).message


def test_an_accepted_night_is_not_stale(tonight):
    promoted = replace(KEPT, outcome=NightOutcome.PROMOTED)
    assert with_staleness(replace(tonight, date=day(99)), promoted) == promoted


def test_a_night_whose_source_stands_still_since_before_the_first_one_ends_as_stale(project):
    change_settings(project, staleness__stop__source_days=10, staleness__warn__champion_days=5)
    result = night(project, (project / "data/raw/salaries.csv").read_bytes(), date=TODAY + datetime.timedelta(20))
    assert result.outcome == NightOutcome.STALE
    assert "the source has not changed for " in result.message
    assert result.message.endswith("otherwise the night would be unchanged: no new data")
    assert (result.commit, result.outcome.needs_somebody) == (None, True)
    assert log_of(project)["table_md5"] == md5_of(project / "data/raw/salaries.csv")
