"""Nights in a small project, spent for real, with git, DVC, a remote and an upstream: what is seen, what is lost."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from random import Random
from urllib.parse import quote

import pytest

from pipeline import params
from pipeline.nights.anchor import Anchor, read_anchor
from pipeline.nights.one_at_a_time import only_one
from pipeline.nights.record import NightOutcome
from pipeline.nights.run import run_night
from pipeline.repository.dvc_lock import outputs, read_lock
from pipeline.repository.project import Project
from tests.support.night_project import (
    DATE,
    FIRST_RECORD,
    RECORD,
    TONIGHT,
    WORSE,
    YESTERDAY,
    change_settings,
    committed,
    history,
    kill_a_night,
    log_of,
    night,
    outcome,
    push_changes,
)
from tests.support.skips import in_soak, reason
from tests.support.tables import rows, table
from tests.support.tiny_project import git, state
from tests.support.work_tree import ROOT, run


def test_a_night_with_a_better_founded_model_is_one_commit_with_all_that_belongs_to_it(project):
    result = night(project)
    assert result.outcome == NightOutcome.PROMOTED, result.message
    assert (
        result.commit == git(project, "rev-parse", "HEAD") == git(project.parent / "upstream.git", "rev-parse", "main")
    )
    assert committed(project) == {"dvc.lock", "data/raw/salaries.csv", "metrics/full.json", *FIRST_RECORD}
    assert (project / "data/raw/salaries.csv").read_bytes() == TONIGHT
    assert git(project, "tag", "--points-at", "HEAD") == f"nightly-{DATE}"
    assert git(project, "log", "-1", "--format=%an %cI") == f"nightly {DATE}T00:00:00+00:00"
    assert not git(project, "status", "--porcelain")
    assert "up to date" in run(project, "dvc", "status")
    assert "in sync" in run(project, "dvc", "status", "--cloud")
    (line,) = history(project)
    assert (line["date"], line["decision"], line["rows"], line["new_rows"]) == (str(DATE), "promoted", "640", "40")
    assert {file.name for file in max((project / "runs").iterdir()).iterdir()} == {
        "costs.json",
        "night.json",
        "nightly.md",
        "repro.log",
    }


@pytest.mark.soak
def test_a_table_that_dvc_has_is_versioned_there(project):
    git(project, "rm", "--quiet", "--cached", "data/raw/salaries.csv")
    run(project, "dvc", "add", "--quiet", "data/raw/salaries.csv")
    run(project, "dvc", "push", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "the table is DVC's")
    git(project, "push", "--quiet")
    result = night(project)
    assert result.outcome == NightOutcome.PROMOTED, result.message
    assert committed(project) == {"dvc.lock", "data/raw/salaries.csv.dvc", "metrics/full.json", *FIRST_RECORD}
    assert (project / "data/raw/salaries.csv").read_bytes() == TONIGHT
    assert "in sync" in run(project, "dvc", "status", "--cloud")


def test_unchanged_bytes_end_the_night_without_a_commit(project):
    (project / "runs/killed-at-once").mkdir(parents=True)
    before = state(project)
    result = night(project, YESTERDAY)
    assert (result.outcome, result.message) == (NightOutcome.UNCHANGED, "no new data")
    assert state(project) == before
    assert [*(project / "runs").iterdir()] == [result.folder]


def test_a_worse_model_is_not_published_but_recorded_and_not_trained_again(project):
    model = (project / "models/full/rows.txt").read_text()
    result = night(project, WORSE)
    assert result.outcome == NightOutcome.KEPT
    assert "% interval" in result.message
    assert result.message.endswith("beyond the tolerance of 2 %")
    assert committed(project) == RECORD
    assert (project / "models/full/rows.txt").read_text() == model
    assert (project / "data/raw/salaries.csv").read_bytes() == YESTERDAY
    assert "up to date" in run(project, "dvc", "status")
    assert not git(project, "tag", "--list")
    assert night(project).outcome == NightOutcome.UNCHANGED


def test_a_model_that_only_the_anchor_beats_is_kept_out_and_the_anchor_comes_from_the_remote(project):
    settings = params.load(params.Prepare, "prepare", file=project / "params.yaml")
    anchor = Anchor(model_md5=outputs(read_lock(project / "dvc.lock"))["models/full"], split=settings.split)
    anchor.write(project)
    (project / "data/raw/salaries.csv").write_bytes(WORSE)
    run(project, "dvc", "repro", "--quiet")
    run(project, "dvc", "push", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "a bad champion")
    git(project, "push", "--quiet")
    shutil.rmtree(project / ".dvc/cache")
    result = night(project, WORSE + table(rows(660)[600:]).split(b"\n", 1)[1])
    assert result.outcome == NightOutcome.KEPT, result.message
    words = "equal to the champion's, [^:]* %; .* higher than the anchor's, .*: beyond the tolerance of 2 %$"
    assert re.search(words, result.message)
    assert json.loads((project / "metrics/nightly.json").read_text())["anchor_md5"] == anchor.model_md5
    assert history(project)[0]["anchor_rmse_usd"] < history(project)[0]["champion_rmse_usd"]
    assert committed(project) == RECORD
    assert read_anchor(project) == anchor
    assert not git(project, "status", "--porcelain")


@pytest.mark.soak
def test_an_operator_may_force_a_model_with_a_reason_that_is_recorded(project):
    result = night(project, WORSE, force_reason="the market has changed")
    assert result.outcome == NightOutcome.FORCED
    recorded = json.loads((project / "metrics/nightly.json").read_text())
    assert recorded["reason"] == "forced by the operator: the market has changed"
    assert "models/full" in (project / "dvc.lock").read_text()
    assert git(project, "tag", "--list") == f"nightly-{DATE}"


@pytest.mark.soak
def test_as_long_as_the_source_has_a_rejected_table_every_night_says_so(project):
    first = night(project, table(rows(300)))
    commit = git(project, "rev-parse", "HEAD")
    second = night(project)
    assert second.outcome == NightOutcome.REJECTED
    assert second.message == f"still the table that was rejected: {first.message}"
    assert git(project, "rev-parse", "HEAD") == commit
    assert night(project, YESTERDAY).outcome == NightOutcome.UNCHANGED


@pytest.mark.soak
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
    assert night(project).outcome == NightOutcome.PROMOTED
    assert git(project, "rev-parse", name) == elsewhere
    assert git(project, "rev-parse", f"{name}.3^{{commit}}") == git(project, "rev-parse", "HEAD")


@pytest.mark.soak
def test_without_a_champion_the_first_model_is_promoted_as_such(project):
    git(project, "rm", "--quiet", "dvc.lock")
    push_changes(project, "no champion")
    assert night(project).outcome == NightOutcome.FIRST


@pytest.mark.soak
def test_a_champion_of_another_split_is_not_comparable(project):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("salt: v1", "salt: v2"))
    push_changes(project, "another split")
    result = night(project)
    assert result.outcome == NightOutcome.INCOMPARABLE
    assert "another prepare.split" in result.message


@pytest.mark.soak
def test_a_champion_of_which_cache_and_remote_have_lost_a_file_is_not_comparable(project):
    shutil.rmtree(project.parent / "remote/files")
    shutil.rmtree(project / "models")
    for name in run(project, "find", ".dvc/cache", "-size", "-5c", "-type", "f").split():  # rows.txt: the smallest
        (project / name).chmod(0o644)
        (project / name).write_text("777\n")
    result = night(project)
    assert result.outcome == NightOutcome.INCOMPARABLE, result.message
    assert "models/full: its files must be as recorded, found" in result.message


@pytest.mark.parametrize("mode", [0o444, *in_soak(0o644)])
def test_files_that_the_cache_has_damaged_come_back_from_the_remote(project, mode):
    shutil.rmtree(project / "models")
    for name in run(project, "find", ".dvc/cache/files", "-type", "f").split():
        (project / name).chmod(0o644)
        (project / name).write_text("777\n")
        (project / name).chmod(mode)  # DVC trusts a file that nobody may write
    assert night(project).outcome == NightOutcome.PROMOTED


def test_a_second_night_says_who_runs_and_leaves_and_its_heart_does_not_beat(project, capsys):
    change_settings(project, notify__heartbeat="http://127.0.0.1:1/")
    with only_one(project):
        result = night(project)
    assert result.outcome == NightOutcome.BUSY
    assert "notify.heartbeat" not in capsys.readouterr().err
    assert "found process" in result.message


def test_a_night_begins_with_what_others_have_pushed(project):
    git(project.parent, "clone", "--quiet", "upstream.git", "colleague")
    colleague = project.parent / "colleague"
    (colleague / "notes.md").write_text("of a colleague")
    git(colleague, "add", "--all")
    git(colleague, "commit", "--quiet", "--message", "notes")
    git(colleague, "push", "--quiet")
    assert night(project, YESTERDAY).outcome == NightOutcome.UNCHANGED
    assert git(project, "rev-parse", "HEAD") == git(colleague, "rev-parse", "HEAD")
    assert (project / "notes.md").is_file()


@pytest.mark.soak
def test_a_night_without_an_identity_of_git_commits_as_the_bot(project):
    user = Project.at(project)
    empty = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(project.parent)}
    named = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    bare = {name: value for name, value in user.environment.items() if name not in named}
    assert run_night(replace(user, environment=bare | empty), date=DATE).outcome == NightOutcome.PROMOTED


def test_somebody_is_told_and_what_failed_is_in_the_log(project):
    change_settings(project, notify__command=["sh", "-c", "cat >../told.json"], notify__webhook="http://127.0.0.1:1/x")
    change_settings(project, notify__heartbeat="http://127.0.0.1:1/y")
    assert night(project, YESTERDAY).outcome == NightOutcome.UNCHANGED
    told = json.loads((project.parent / "told.json").read_text())
    assert (told["ending"], told["code"], told["date"]) == ("unchanged", 21, str(DATE))
    webhook, heartbeat = log_of(project)["not_notified"]
    assert "notify.webhook: 127.0.0.1: " in webhook
    assert "notify.heartbeat: 127.0.0.1: " in heartbeat


def test_a_source_that_is_down_fails_the_night_and_changes_nothing(project):
    before = state(project)
    (project.parent / "source.csv").unlink()
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "the source ../source.csv must be read within 1 try" in result.message
    assert state(project) == before
    assert not [*(project / "runs").glob("*/tree")]


def test_an_upstream_that_cannot_be_reached_fails_the_night_before_it_trains(project):
    shutil.move(project.parent / "upstream.git", project.parent / "elsewhere.git")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "your checkout must follow its upstream, found in the last of 1 try" in result.message
    assert not [*(project / "runs").glob("*/repro.log")]


def test_a_detached_head_is_refused(project):
    git(project, "checkout", "--quiet", "--detach")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "must be a commit on a branch" in result.message


@pytest.mark.soak
def test_a_full_disk_fails_the_night_and_loses_nothing(project):
    runs, before = project / "runs", state(project)
    runs.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k,mode=700", "tmpfs", runs], capture_output=True, check=False
    )
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


def kill_and_recover(made, folder, *, kills, seed, monkeypatch):
    """Kill some nights; then one undisturbed must end where one ended that was never killed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    draw = Random(seed)
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
    assert night(killed).outcome in (NightOutcome.PROMOTED, NightOutcome.UNCHANGED)
    assert outcome(killed) == outcome(undisturbed)
    assert "up to date" in run(killed, "dvc", "status")


@pytest.mark.soak
def test_after_kills_at_any_moment_the_next_night_does_what_an_undisturbed_one_does(
    made_night_project, tmp_path, monkeypatch
):
    kill_and_recover(made_night_project, tmp_path, kills=3, seed=1, monkeypatch=monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 15))
def test_after_many_kills_too(made_night_project, tmp_path, monkeypatch, seed):
    kill_and_recover(made_night_project, tmp_path, kills=4, seed=seed, monkeypatch=monkeypatch)


def test_no_secret_is_shown_or_written_by_a_night_that_fails(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    secret = "s3cr@t'w\"0rx"  # noqa: S105 (it opens nothing)
    words = ["sh", "-c", 'cat >told.json; echo "$0 is refused" >&2; exit 1', f"Bearer {secret}"]
    change_settings(
        project,
        source=f"http://me:{secret}@127.0.0.1:1/table.csv?token={secret}",
        notify__command=words,
        notify__webhook=f"http://127.0.0.1:1/{secret}",
        notify__heartbeat=f"http://127.0.0.1:1/{secret}",
    )
    seen = run(project, sys.executable, "-m", "pipeline.nightly", "--date", str(DATE), code=41)
    left = [file for folder in (project / "runs").iterdir() for file in folder.rglob("*") if file.is_file()]
    seen += "".join(file.read_text(encoding="utf-8") for file in [*left, project / "told.json"])
    assert "the source http://***" in seen
    runs = {text[at : at + 4] for text in (secret, json.dumps(secret), quote(secret)) for at in range(len(text) - 3)}
    assert not [part for part in runs if part in seen]
