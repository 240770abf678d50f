"""Nights that could not publish what they would train, and so do not train."""

import shutil
from types import SimpleNamespace

import pytest

from pipeline.nights.fetch import RESERVE_BYTES
from pipeline.nights.record import NightOutcome
from tests.support.night_project import TONIGHT, YESTERDAY, night, push_changes
from tests.support.tiny_project import git, state
from tests.support.work_tree import run


@pytest.fixture
def refused(project):
    """A project in which tonight's night is to fail before it trains, and to change nothing."""

    def check(*words):
        before = state(project)
        result = night(project)
        assert result.outcome == NightOutcome.FAILED
        assert [word for word in words if word not in result.message] == []
        assert state(project) == before
        assert not [*(project / "runs").glob("*/repro.log"), *(project / "runs").glob("*/tree")]

    return check


def test_a_remote_that_takes_no_data_is_found_out_before_training(project, refused):
    shutil.rmtree(project.parent / "remote")
    (project.parent / "remote").write_text("no folder")
    refused(
        "DVC's remote must take tonight's results, which is tried before training, found in the last of 1 try that",
        "File exists",
        "; make dvc push work in the project's folder",
    )


def test_an_upstream_that_takes_no_commit_is_found_out_before_training(project, refused):
    git(project, "config", "remote.origin.pushurl", "../read-only.git")
    refused(
        "refs/heads/main of origin must take tonight's results",
        "'../read-only.git' does not appear to be a git repository",
        "; make git push work in the project's folder",
    )


@pytest.fixture
def needed(project):
    """The bytes that tonight needs."""
    recorded = sum(file.stat().st_size for file in (project / "models/full").iterdir())
    recorded += (project / "metrics/full.json").stat().st_size
    return 3 * (len(TONIGHT) + recorded) + RESERVE_BYTES


def test_a_disk_without_room_for_three_copies_is_found_out_before_training(needed, refused, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    refused(
        f"must have {needed:,} bytes free: 3 × the table and the outputs, and {RESERVE_BYTES:,} more",
        f"found {needed - 1:,}; free some: make gc shows what could go",
    )


@pytest.mark.soak
def test_a_disk_with_just_the_room_for_three_copies_is_enough(project, needed, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed))
    assert night(project).outcome == NightOutcome.PROMOTED


def test_a_night_with_nothing_new_asks_nobody_whether_its_results_could_go_out(project):
    git(project, "config", "remote.origin.pushurl", "../read-only.git")
    assert night(project, YESTERDAY).outcome == NightOutcome.UNCHANGED


@pytest.fixture
def without_remote(project):
    """The project, where DVC has no remote; its cache is all that there is."""
    shutil.rmtree(project.parent / "remote")
    (project / ".dvc/config").write_text("[core]\n    analytics = false\n")
    push_changes(project, "no remote")
    return project


def test_what_the_cache_has_lost_and_the_checkout_has_is_saved_and_the_night_goes_on(without_remote):
    project = without_remote
    shutil.rmtree(project / ".dvc/cache/files")
    assert night(project).outcome == NightOutcome.PROMOTED
    assert not git(project, "status", "--porcelain")
    assert "up to date" in run(project, "dvc", "status")
    git(project, "checkout", "--quiet", "HEAD~1")
    run(project, "dvc", "checkout", "--quiet")
    assert (project / "models/full/rows.txt").read_text().strip() == "601"


def test_outputs_that_only_the_checkout_has_are_found_before_training(project, refused):
    (project / "models/full/rows.txt").unlink()
    (project / "models/full/rows.txt").write_text("mine")
    refused(
        "your outputs must be as dvc.lock records them, or in DVC's cache, before tonight's replace them",
        "found only in your checkout models/full/rows.txt; dvc checkout --force brings",
    )


@pytest.mark.soak
def test_what_is_in_the_cache_or_not_there_at_all_is_no_reason_to_fail(project):
    (project / "models/full/rows.txt").unlink()
    assert night(project).outcome == NightOutcome.PROMOTED
