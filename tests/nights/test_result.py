"""What is told of a night, and what its folder keeps."""

import datetime
import json

import pytest

from pipeline import params
from pipeline.nights.outcome import NightOutcome
from pipeline.nights.record import Record
from pipeline.nights.result import NightResult, notify_and_log
from pipeline.repository.project import Project

DATE = datetime.date(2026, 1, 31)
RECORD = Record(DATE, NightOutcome.KEPT, "worse", table_md5="t", params_md5="p", numbers={"rows": 600})
KEPT = NightResult(NightOutcome.KEPT, "worse", RECORD, "c0ffee")


def end(tmp_path, run, result, **notify):
    nobody = {"command": None, "webhook": None, "seconds": 60.0}
    settings = params.parse(params.Notify, nobody | notify, where="test")
    started = datetime.datetime.now(datetime.UTC)
    notify_and_log(result, settings, user=Project.at(tmp_path), run=run, date=DATE, started=started)


def test_the_log_has_the_outcome_the_record_and_who_could_not_be_told(tmp_path, capsys):
    end(tmp_path, tmp_path / "runs/a", KEPT, command=["false"])
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    assert (log["ending"], log["code"], log["message"], log["commit"]) == ("kept", 20, "worse", "c0ffee")
    assert (log["date"], log["run"], log["record"]["numbers"]) == ("2026-01-31", "a", {"rows": 600.0})
    (failure,) = log["not_notified"]
    assert failure.startswith("notify.command: false ended with code 1")
    assert f"nightly: {failure}" in capsys.readouterr().err


def test_whoever_is_told_gets_what_the_log_has_but_no_duration(tmp_path):
    end(tmp_path, tmp_path / "runs/a", KEPT, command=["tee", "told.json"])
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    told = json.loads((tmp_path / "told.json").read_text())
    assert {*log} - {*told} == {"seconds", "not_notified"}
    assert all(log[name] == value for name, value in told.items())


@pytest.mark.parametrize("outcome", ["unchanged", "failed"])
def test_a_night_without_a_decision_has_no_record(tmp_path, outcome):
    end(tmp_path, tmp_path / "runs/a", NightResult(NightOutcome(outcome), "why"))
    log = json.loads((tmp_path / "runs/a/night.json").read_text())
    assert (log["ending"], log["record"], log["commit"]) == (outcome, None, None)


def test_a_log_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "runs").write_text("no folder")
    end(tmp_path, tmp_path / "runs/a", KEPT)
    assert "nightly: no log: " in capsys.readouterr().err
