"""Nights that cannot go on: they say why, and change nothing."""

import shutil
import subprocess

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.nights.outcome import NightOutcome
from tests.support.night_project import (
    change_settings,
    night,
    push_changes,
)
from tests.support.skips import reason
from tests.support.tables import rows, table
from tests.support.tiny_project import git, state


def test_a_source_that_is_down_fails_the_night_and_changes_nothing(project):
    before = state(project)
    (project.parent / "source.csv").unlink()
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "the source ../source.csv must be read within 1 tries" in result.message
    assert state(project) == before
    assert not [*(project / "runs").glob("*/tree")]


def test_without_yesterdays_table_the_night_fails_since_rows_may_be_gone(project):
    (project / "data/raw/salaries.csv").write_bytes(table(rows(590)))
    push_changes(project, "a table, but no dvc repro")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "yesterday's table must be the one that dvc.lock records, and keep the contract, found" in result.message
    assert night(project, forced="I have looked at it").outcome == NightOutcome.FORCED


def test_an_upstream_that_cannot_be_reached_fails_the_night_before_it_trains(project):
    shutil.move(project.parent / "upstream.git", project.parent / "elsewhere.git")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "your checkout must follow its upstream, found in the last of 1 tries" in result.message
    assert not [*(project / "runs").glob("*/repro.log")]


def test_a_detached_head_is_refused(project):
    git(project, "checkout", "--quiet", "--detach")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "must be a commit on a branch" in result.message


def test_uncommitted_work_elsewhere_stays_and_in_the_nights_files_is_refused(project):
    (project / "notes.txt").write_text("mine")
    (project / "train.sh").write_text("exit 1\n")
    assert night(project).outcome == NightOutcome.PROMOTED
    assert (project / "train.sh").read_text() == "exit 1\n"
    (project / "data/raw/salaries.csv").write_bytes(b"mine")
    result = night(project, table(rows(660)))
    assert result.outcome == NightOutcome.FAILED
    assert "must have no changes of your own" in result.message
    assert (project / "data/raw/salaries.csv").read_bytes() == b"mine"
    assert not (max((project / "runs").iterdir()) / "repro.log").exists()


def test_a_table_that_nobody_would_get_is_refused(project):
    git(project, "rm", "--quiet", "--cached", "data/raw/salaries.csv")
    with (project / ".gitignore").open("a") as ignored:
        ignored.write("/data/raw\n")
    push_changes(project, "the table is nobody's")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "found data/raw/salaries.csv, which git ignores; dvc add data/raw/salaries.csv" in result.message


def test_a_damaged_lock_file_is_named(project):
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n  train: [oh\n")
    push_changes(project, "damage")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "dvc.lock must be as DVC wrote it" in result.message


def test_a_remote_that_refuses_fails_the_night_and_main_stays(project):
    before = state(project)
    shutil.rmtree(project.parent / "remote")
    (project.parent / "remote").write_text("no folder")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert state(project) == before


def test_a_pipeline_that_takes_too_long_is_ended_with_all_its_processes(project):
    (project / "train.sh").write_text("sleep 600 & sleep 600\n")
    git(project, "commit", "--quiet", "--all", "--message", "slow")
    change_settings(project, repro_seconds=3)
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "took longer than 3 s" in result.message
    folders = [process.info["cwd"] or "" for process in psutil.process_iter(["cwd"])]
    assert not [folder for folder in folders if folder.startswith(str(project / "runs"))]


def test_a_full_disk_fails_the_night_and_loses_nothing(project):
    runs, before = project / "runs", state(project)
    runs.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", runs], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip(reason("mounting a small file system needs the right to", to_run="make test as root"))
    try:
        result = night(project)
    finally:
        subprocess.run(["umount", runs], check=True)
    assert result.outcome == NightOutcome.FAILED
    assert "No space left on device" in result.message
    assert state(project) == before
    assert night(project).outcome == NightOutcome.PROMOTED
