"""The command for a night, in a small project; tests/nights has what a night does."""

import sys

import pytest

from pipeline.nightly import main
from pipeline.nights.record import NightOutcome
from tests.support.night_project import YESTERDAY, push_changes
from tests.support.processes import ended, started, until
from tests.support.tiny_project import state
from tests.support.work_tree import ROOT, run


def test_a_date_in_the_future_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--date", "2999-01-01"])
    assert "--date must not be after today" in capsys.readouterr().err


def test_a_date_that_is_none_is_told_how_to_write_one(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--date", "tomorrow"])
    assert "--date: must be a date as YYYY-MM-DD, such as 2026-01-31, found 'tomorrow'" in capsys.readouterr().err


def test_the_command_exits_with_the_code_of_its_ending_and_says_it(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (project.parent / "source.csv").write_bytes(YESTERDAY)
    printed = run(project, sys.executable, "-m", "pipeline.nightly", code=21)
    assert "nightly: unchanged (code 21): no new data" in printed


@pytest.mark.soak
def test_sigterm_ends_the_night_and_changes_nothing(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (project / "train.sh").write_text("sleep 600\n")
    push_changes(project, "slow")
    before = state(project)
    with started(project, sys.executable, "-m", "pipeline.nightly") as process:
        until(lambda: [*(project / "runs").glob("*/repro.log")] or process.poll() is not None)
        assert process.poll() is None
        process.terminate()
        code, said = ended(process)
    assert code == NightOutcome.INTERRUPTED.exit_code
    assert "the next night begins anew" in said
    assert state(project) == before
