"""The command for a night, in a small project; tests/nights has what a night does."""

import re
import shutil
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.nightly import main
from pipeline.nights.night import NightResult
from pipeline.nights.record import NightOutcome
from tests.support.night_project import YESTERDAY, push_changes
from tests.support.processes import ended, started, until
from tests.support.skips import reason
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
    assert "nightly: There was no new table to learn from, so the champion stays, and nobody is needed." in printed
    (folder,) = (project / "runs").iterdir()
    assert f"nightly: what it leaves is in runs/{folder.name}\n" in printed


NIGHT = """
import os, pathlib, sys, time
pathlib.Path("started").write_text(f"{os.getpid()} {' '.join(sys.argv[1:])}")
time.sleep(float(os.environ["NAP"]))
sys.exit(41)
"""


@pytest.fixture
def makefile(tmp_path):
    """A folder with make's recipe for a night, and in the night's place a program that takes its time."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^nightly:.*\n((?:\t.*\n)+)", text, flags=re.MULTILINE)
    variable = re.search(r"^ENDS_WITH_MAKE = .*\n", text, flags=re.MULTILINE)
    assert recipe
    assert variable
    (tmp_path / "Makefile").write_text(f"nightly:\n{recipe[1]}{variable[0]}")
    (tmp_path / "pipeline/runtime").mkdir(parents=True)
    shutil.copy(ROOT / "pipeline/runtime/lifetime.py", tmp_path / "pipeline/runtime")
    (tmp_path / "pipeline/nightly.py").write_text(NIGHT)
    return tmp_path


def test_make_ends_as_the_night_does(makefile, monkeypatch):
    monkeypatch.setenv("NAP", "0")
    assert "Error 41" in run(makefile, "make", "nightly", code=2)
    assert (makefile / "started").read_text().endswith(" --scheduled")


@pytest.mark.skipif(
    sys.platform != "linux", reason=reason("only Linux ends a child with its parent", to_run="make test on Linux")
)
@pytest.mark.parametrize("killed", ["make", "its shell"])
def test_a_kill_of_make_or_of_its_shell_ends_the_night(makefile, monkeypatch, killed):
    monkeypatch.setenv("NAP", "600")
    with started(makefile, "make", "nightly") as make:
        until(lambda: (makefile / "started").exists() and (makefile / "started").read_text())
        night = psutil.Process(int((makefile / "started").read_text().split()[0]))
        (below,) = psutil.Process(make.pid).children()
        (psutil.Process(make.pid) if killed == "make" else below).kill()
        until(lambda: not night.is_running() or night.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("outcome", NightOutcome)
def test_a_scheduled_night_exits_with_0_unless_somebody_should_look(outcome, monkeypatch, capsys):
    folder = Path("runs/a") if outcome is NightOutcome.KEPT else None
    result = NightResult(outcome, "why", folder=folder)
    monkeypatch.setattr("pipeline.nightly.run_night", lambda *arguments, **options: result)
    with pytest.raises(SystemExit) as ended:
        main(["--scheduled"])
    assert ended.value.code == (outcome.exit_code if outcome.needs_somebody else 0)
    with pytest.raises(SystemExit, match=str(outcome.exit_code)):
        main([])
    assert ("what it leaves is in runs/a" in capsys.readouterr().err) == bool(folder)


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
