"""Nights in a small project, spent for real, with git, DVC, a remote and an upstream: what is seen, what is lost."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from random import Random

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.nights.result import Ending
from pipeline.nights.run import run_night
from pipeline.repository.project import Project
from pipeline.runtime.lock import RUNNING, exclusive
from tests.support.night_project import (
    DATE,
    TONIGHT,
    WORSE,
    YESTERDAY,
    change_settings,
    kill_a_night,
    log_of,
    night,
    outcome,
    push_changes,
)
from tests.support.processes import ended, started, until
from tests.support.skips import reason
from tests.support.tables import rows, table
from tests.support.tiny_project import git, state
from tests.support.work_tree import ROOT, run

RECORD = {"metrics/history.csv", "metrics/nightly.json", "metrics/nightly.md"}


def committed(user, commit="HEAD"):
    return set(git(user, "diff-tree", "--no-commit-id", "--name-only", "-r", commit).splitlines())


def history(user):
    return list(csv.DictReader((user / "metrics/history.csv").read_text().splitlines()))


def test_a_night_with_a_better_founded_model_is_one_commit_with_all_that_belongs_to_it(project):
    report = night(project)
    assert report.ending == Ending.PROMOTED, report.message
    assert (
        report.commit == git(project, "rev-parse", "HEAD") == git(project.parent / "upstream.git", "rev-parse", "main")
    )
    assert committed(project) == {"dvc.lock", "data/raw/salaries.csv", "metrics/full.json", *RECORD}
    assert (project / "data/raw/salaries.csv").read_bytes() == TONIGHT
    assert git(project, "tag", "--points-at", "HEAD") == f"nightly-{DATE}"
    assert git(project, "log", "-1", "--format=%an %cI") == f"salary-pipeline nightly {DATE}T00:00:00+00:00"
    assert not git(project, "status", "--porcelain")
    assert "up to date" in run(project, "dvc", "status")
    assert "in sync" in run(project, "dvc", "status", "--cloud")
    (line,) = history(project)
    assert (line["date"], line["decision"], line["rows"], line["new_rows"]) == (str(DATE), "promoted", "640", "40")
    assert {file.name for file in max((project / "runs").iterdir()).iterdir()} == {
        "night.json",
        "nightly.md",
        "repro.log",
    }


def test_a_table_that_dvc_has_is_versioned_there(project):
    git(project, "rm", "--quiet", "--cached", "data/raw/salaries.csv")
    run(project, "dvc", "add", "--quiet", "data/raw/salaries.csv")
    run(project, "dvc", "push", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "the table is DVC's")
    git(project, "push", "--quiet")
    report = night(project)
    assert report.ending == Ending.PROMOTED, report.message
    assert committed(project) == {"dvc.lock", "data/raw/salaries.csv.dvc", "metrics/full.json", *RECORD}
    assert (project / "data/raw/salaries.csv").read_bytes() == TONIGHT
    assert "in sync" in run(project, "dvc", "status", "--cloud")


def test_unchanged_bytes_end_the_night_without_a_commit(project):
    before = state(project)
    report = night(project, YESTERDAY)
    assert (report.ending, report.message) == (Ending.UNCHANGED, "no new data")
    assert state(project) == before


def test_a_worse_model_is_not_published_but_recorded_and_not_trained_again(project):
    model = (project / "models/full/rows.txt").read_text()
    report = night(project, WORSE)
    assert report.ending == Ending.KEPT
    assert "the MSE is over 2% worse in 100.0% of the bootstrap draws" in report.message
    assert committed(project) == RECORD
    assert (project / "models/full/rows.txt").read_text() == model
    assert (project / "data/raw/salaries.csv").read_bytes() == YESTERDAY
    assert "up to date" in run(project, "dvc", "status")
    assert not git(project, "tag", "--list")
    assert night(project).ending == Ending.UNCHANGED


def test_an_operator_may_force_a_model_with_a_reason_that_is_recorded(project):
    report = night(project, WORSE, forced="the market has changed")
    assert report.ending == Ending.FORCED
    recorded = json.loads((project / "metrics/nightly.json").read_text())
    assert recorded["reason"] == "forced by the operator: the market has changed"
    assert "models/full" in (project / "dvc.lock").read_text()
    assert git(project, "tag", "--list") == f"nightly-{DATE}"


def test_half_the_rows_gone_is_rejected_and_yesterdays_table_stays(project):
    report = night(project, table(rows(300)))
    assert report.ending == Ending.REJECTED
    assert "rows_gone: 0.5" in report.message
    assert committed(project) == RECORD
    assert (project / "data/raw/salaries.csv").read_bytes() == YESTERDAY
    assert history(project)[0]["beyond_limits"].startswith("rows_gone: 0.5")
    (rejected,) = (project / "runs").glob("*/rejected.csv")
    assert rejected.read_bytes() == table(rows(300))


def test_as_long_as_the_source_has_a_rejected_table_every_night_says_so(project):
    first = night(project, table(rows(300)))
    commit = git(project, "rev-parse", "HEAD")
    second = night(project)
    assert second.ending == Ending.REJECTED
    assert second.message == f"still the table that was rejected: {first.message}"
    assert git(project, "rev-parse", "HEAD") == commit
    assert night(project, YESTERDAY).ending == Ending.UNCHANGED


def test_a_tag_of_another_branch_or_of_the_upstream_is_left_alone(project):
    name = f"nightly-{DATE}"
    git(project, "tag", f"{name}.2")
    git(project, "push", "--quiet", "origin", f"{name}.2")
    git(project, "tag", "--delete", f"{name}.2")
    git(project, "checkout", "--quiet", "-b", "other")
    git(project, "commit", "--quiet", "--allow-empty", "--message", "elsewhere")
    git(project, "tag", name)
    elsewhere = git(project, "rev-parse", "HEAD")
    git(project, "checkout", "--quiet", "main")
    assert night(project).ending == Ending.PROMOTED
    assert git(project, "rev-parse", name) == elsewhere
    assert git(project, "rev-parse", f"{name}.3^{{commit}}") == git(project, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n", "the header must name work_year"),
        (TONIGHT.replace(b"salary_in_usd", b"salary_usd", 1), "salary_in_usd"),
        (TONIGHT[:-20], "break the data contract"),
    ],
    ids=["an HTML error page", "a renamed column", "a truncated file"],
)
def test_what_breaks_the_contract_is_rejected(project, source, words):
    change_settings(project, record_kept=False)
    before = state(project)
    report = night(project, source)
    assert report.ending == Ending.REJECTED
    assert words in report.message
    assert str(project) not in report.message
    assert state(project) == before


def test_without_a_champion_the_first_model_is_promoted_as_such(project):
    git(project, "rm", "--quiet", "dvc.lock")
    push_changes(project, "no champion")
    assert night(project).ending == Ending.FIRST


def test_a_champion_of_another_split_is_not_comparable(project):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("salt: v1", "salt: v2"))
    push_changes(project, "another split")
    report = night(project)
    assert report.ending == Ending.INCOMPARABLE
    assert "another prepare.split" in report.message


def test_a_champion_of_which_cache_and_remote_have_lost_a_file_is_not_comparable(project):
    shutil.rmtree(project.parent / "remote/files")
    shutil.rmtree(project / "models")
    for name in run(project, "find", ".dvc/cache", "-size", "-5c", "-type", "f").split():  # rows.txt: the smallest
        (project / name).chmod(0o644)
        (project / name).write_text("777\n")
    report = night(project)
    assert report.ending == Ending.INCOMPARABLE, report.message
    assert "models/full: its files must be as recorded, found" in report.message


def test_a_file_that_the_cache_has_damaged_comes_back_from_the_remote(project):
    for name in run(project, "find", ".dvc/cache", "-size", "-5c", "-type", "f").split():
        (project / name).chmod(0o644)
        (project / name).write_text("777\n")
    assert night(project).ending == Ending.PROMOTED


def test_a_second_night_says_who_runs_and_leaves(project):
    with exclusive(project / RUNNING):
        report = night(project)
    assert report.ending == Ending.BUSY
    assert "found process" in report.message


def test_a_source_that_is_down_fails_the_night_and_changes_nothing(project):
    before = state(project)
    (project.parent / "source.csv").unlink()
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "the source ../source.csv must be read within 1 tries" in report.message
    assert state(project) == before
    assert not [*(project / "runs").glob("*/tree")]


def test_without_yesterdays_table_the_night_fails_since_rows_may_be_gone(project):
    (project / "data/raw/salaries.csv").write_bytes(table(rows(590)))
    push_changes(project, "a table, but no dvc repro")
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "yesterday's table must be the one that dvc.lock records, and keep the contract, found" in report.message
    assert night(project, forced="I have looked at it").ending == Ending.FORCED


def test_a_night_begins_with_what_others_have_pushed(project):
    git(project.parent, "clone", "--quiet", "upstream.git", "colleague")
    colleague = project.parent / "colleague"
    (colleague / "notes.md").write_text("of a colleague")
    git(colleague, "add", "--all")
    git(colleague, "commit", "--quiet", "--message", "notes")
    git(colleague, "push", "--quiet")
    assert night(project, YESTERDAY).ending == Ending.UNCHANGED
    assert git(project, "rev-parse", "HEAD") == git(colleague, "rev-parse", "HEAD")
    assert (project / "notes.md").is_file()


def test_an_upstream_that_cannot_be_reached_fails_the_night_before_it_trains(project):
    shutil.move(project.parent / "upstream.git", project.parent / "elsewhere.git")
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "your checkout must follow its upstream, found in the last of 1 tries" in report.message
    assert not [*(project / "runs").glob("*/repro.log")]


def test_a_detached_head_is_refused(project):
    git(project, "checkout", "--quiet", "--detach")
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "must be a commit on a branch" in report.message


def test_uncommitted_work_elsewhere_stays_and_in_the_nights_files_is_refused(project):
    (project / "notes.txt").write_text("mine")
    (project / "train.sh").write_text("exit 1\n")
    assert night(project).ending == Ending.PROMOTED
    assert (project / "train.sh").read_text() == "exit 1\n"
    (project / "data/raw/salaries.csv").write_bytes(b"mine")
    report = night(project, table(rows(660)))
    assert report.ending == Ending.FAILED
    assert "must have no changes of your own" in report.message
    assert (project / "data/raw/salaries.csv").read_bytes() == b"mine"
    assert not (max((project / "runs").iterdir()) / "repro.log").exists()


def test_a_table_that_nobody_would_get_is_refused(project):
    git(project, "rm", "--quiet", "--cached", "data/raw/salaries.csv")
    with (project / ".gitignore").open("a") as ignored:
        ignored.write("/data/raw\n")
    push_changes(project, "the table is nobody's")
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "found data/raw/salaries.csv, which git ignores; dvc add data/raw/salaries.csv" in report.message


def test_a_damaged_lock_file_is_named(project):
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n  train: [oh\n")
    push_changes(project, "damage")
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "dvc.lock must be as DVC wrote it" in report.message


def test_a_remote_that_refuses_fails_the_night_and_main_stays(project):
    before = state(project)
    shutil.rmtree(project.parent / "remote")
    (project.parent / "remote").write_text("no folder")
    report = night(project)
    assert report.ending == Ending.FAILED
    assert state(project) == before


def test_a_pipeline_that_takes_too_long_is_ended_with_all_its_processes(project):
    (project / "train.sh").write_text("sleep 600 & sleep 600\n")
    git(project, "commit", "--quiet", "--all", "--message", "slow")
    change_settings(project, repro_seconds=3)
    report = night(project)
    assert report.ending == Ending.FAILED
    assert "took longer than 3 s" in report.message
    folders = [process.info["cwd"] or "" for process in psutil.process_iter(["cwd"])]
    assert not [folder for folder in folders if folder.startswith(str(project / "runs"))]


def test_a_night_without_an_identity_of_git_commits_as_the_bot(project):
    user = Project.at(project)
    empty = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(project.parent)}
    named = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    bare = {name: value for name, value in user.environment.items() if name not in named}
    assert run_night(replace(user, environment=bare | empty), date=DATE).ending == Ending.PROMOTED


def test_somebody_is_told_and_what_failed_is_in_the_log(project):
    change_settings(project, notify__command=["sh", "-c", "cat >../told.json"], notify__webhook="http://127.0.0.1:1/x")
    assert night(project, YESTERDAY).ending == Ending.UNCHANGED
    told = json.loads((project.parent / "told.json").read_text())
    assert (told["ending"], told["code"], told["date"]) == ("unchanged", 21, str(DATE))
    assert "notify.webhook" in log_of(project)["not_notified"][0]


def test_the_command_exits_with_the_code_of_its_ending_and_says_it(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (project.parent / "source.csv").write_bytes(YESTERDAY)
    printed = run(project, sys.executable, "-m", "pipeline.nightly", code=21)
    assert "nightly: unchanged (code 21): no new data" in printed


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
    assert code == Ending.INTERRUPTED
    assert "the next night begins anew" in said
    assert state(project) == before


def kill_and_recover(made, folder, *, kills, seed, monkeypatch):
    """Kill some nights; then one undisturbed must end where one ended that was never killed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    draw = Random(seed)  # noqa: S311 (no secret)
    killed = shutil.copytree(made.parent, folder / "killed", symlinks=True) / "user"
    (killed / "train.sh").write_text((killed / "train.sh").read_text().replace("set -e", "set -e; sleep 1"))
    run(killed, "dvc", "repro", "--quiet")
    git(killed, "commit", "--quiet", "--all", "--message", "a training that takes its time")
    git(killed, "push", "--quiet")
    undisturbed = shutil.copytree(killed.parent, folder / "undisturbed", symlinks=True) / "user"
    night(undisturbed)
    for _ in range(kills):
        kill_a_night(killed, draw=draw)
        assert not git(killed, "status", "--porcelain")
        git(killed, "fsck")
    assert night(killed).ending in (Ending.PROMOTED, Ending.UNCHANGED)
    assert outcome(killed) == outcome(undisturbed)
    assert "up to date" in run(killed, "dvc", "status")


def test_after_kills_at_any_moment_the_next_night_does_what_an_undisturbed_one_does(
    made_night_project, tmp_path, monkeypatch
):
    kill_and_recover(made_night_project, tmp_path, kills=3, seed=1, monkeypatch=monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 15))
def test_after_many_kills_too(made_night_project, tmp_path, monkeypatch, seed):
    kill_and_recover(made_night_project, tmp_path, kills=4, seed=seed, monkeypatch=monkeypatch)


def test_a_full_disk_fails_the_night_and_loses_nothing(project):
    runs, before = project / "runs", state(project)
    runs.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", runs], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip(reason("mounting a small file system needs the right to", to_run="make test as root"))
    try:
        report = night(project)
    finally:
        subprocess.run(["umount", runs], check=True)
    assert report.ending == Ending.FAILED
    assert "No space left on device" in report.message
    assert state(project) == before
    assert night(project).ending == Ending.PROMOTED
