"""What other users of the machine, and links of a commit, try against nights; what nights leave for others to read."""

import os
import re
import sqlite3
import stat
from contextlib import closing

import pytest

from pipeline.nights.record import NightOutcome
from tests.support.night_project import TONIGHT, night, push_changes
from tests.support.skips import in_soak
from tests.support.tiny_project import git, state
from tests.support.work_tree import copy_of_the_work_tree, run

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@pytest.fixture
def outside(tmp_path):
    """A folder of the user's elsewhere, with names such as a night uses."""
    folder = tmp_path / "outside"
    for name in ("salaries.csv", ".salaries.csv.fetched", "nightly.json", "full/weights"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("precious")
    (folder / ".salaries.csv.fetching").mkdir()
    return folder


def below(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def poison(folder, payload):
    """Add an entry to DVC's databases of links that creates the file as soon as it is unpickled."""
    pickled = f"cbuiltins\nopen\n(V{payload}\nVw\ntR.".encode()
    entry = (
        "insert into Cache (key, raw, store_time, access_time, mode, size, value) values ('dvc.yaml', 1, 0, 0, 4, 0, ?)"
    )
    for file in folder.rglob("links/cache.db"):
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(entry, (pickled,))  # mode 4: a pickle in the database


@pytest.mark.soak
def test_a_poisoned_folder_that_all_users_share_runs_no_code_in_a_night(project, tmp_path, monkeypatch):
    shared, payload = tmp_path / "shared", tmp_path / "payload ran"
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(shared))  # as DVC's own /var/tmp/dvc
    run(project, "dvc", "checkout", "--quiet")
    poison(shared, payload)
    run(project, "dvc", "checkout", "--quiet")
    assert payload.exists(), "the attack must work on plain DVC, or this test shows nothing"
    payload.unlink()
    result = night(project)
    assert result.outcome is NightOutcome.PROMOTED, result.message
    assert not payload.exists()


def set_up_dvc(folder):
    """What make does with DVC's settings."""
    (command,) = re.findall(r"^\t@(.* dvc config .*)", (folder / "Makefile").read_text(), flags=re.MULTILINE)
    run(folder, "env", f"DVC_SITE_CACHE_DIR={folder}/.cache/dvc", "sh", "-c", command.replace("$$", "$"))


@pytest.mark.parametrize("name", ["é", "日本"])
def test_in_a_folder_whose_name_dvc_cannot_write_its_settings_stay_as_they_are(tmp_path, name):
    folder = copy_of_the_work_tree(tmp_path / name)
    settings = folder / ".dvc/config.local"
    settings.write_text("[core]\n    autostage = true\n")
    set_up_dvc(folder)
    assert settings.read_text() == "[core]\n    autostage = true\n"


def test_a_dvc_that_is_typed_after_the_set_up_keeps_its_pickles_where_only_the_user_writes(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)  # make test sets it
    folder = copy_of_the_work_tree(tmp_path)
    set_up_dvc(folder)
    run(folder / "data", "dvc", "status", "--quiet", code=1)
    assert list(folder.glob(".cache/dvc/repo/*/hashes/local/cache.db"))
    open_for_others = [path for path in (folder / ".cache").rglob("*") if path.stat().st_mode & OTHERS_WRITE]
    assert not open_for_others
    assert run(folder, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize("name", [".cache", "runs"])
@pytest.mark.parametrize("attack", ["link", "open"])
def test_a_folder_of_nights_that_others_could_fill_ends_the_night_before_it_begins(project, outside, name, attack):
    before, files = state(project), below(outside)
    if attack == "link":
        (project / name).symlink_to(outside)
    else:
        (project / name).mkdir()
        (project / name).chmod(0o777)
    result = night(project)
    assert (result.outcome, result.outcome.exit_code) == (NightOutcome.FAILED, 41)
    assert f"{name} must be a folder of yours that nobody else may write to" in result.message
    assert (state(project), below(outside)) == (before, files)


@pytest.mark.parametrize("name", ["data/raw", "data", "data/raw/salaries.csv", "metrics", "models", ".cache", "runs"])
def test_a_link_of_the_commit_that_leads_out_of_it_fails_the_night_and_nothing_there_changes(project, outside, name):
    if (project / name).exists():
        (project / name).rename(project.parent / "moved away")
    target = outside / "salaries.csv" if name.endswith(".csv") else outside
    (project / name).symlink_to(target)
    git(project, "add", "--all", "--force", name)
    push_changes(project, "a link")
    if name in (".cache", "runs", "models"):  # the user's own is none
        (project / name).unlink()
        (project / name).mkdir()
    head, files = git(project, "rev-parse", "HEAD"), below(outside)
    result = night(project)
    assert (result.outcome, result.outcome.exit_code) == (NightOutcome.FAILED, 41)
    assert f"{name} must stay in the project" in result.message
    assert (git(project, "rev-parse", "HEAD"), below(outside)) == (head, files)


def test_an_output_outside_of_the_project_fails_the_night(project, outside):
    lock = (project / "dvc.lock").read_text()
    (project / "dvc.lock").write_text(lock.replace("path: models/full", "path: ../outside/full"))
    push_changes(project, "an output elsewhere")
    result = night(project)
    assert result.outcome is NightOutcome.FAILED
    assert "../outside/full must stay in the project" in result.message


def test_links_that_the_upstream_brings_are_refused_before_outputs_are_checked_out(project, outside, tmp_path):
    files = below(outside)
    other = tmp_path / "another user"
    git(tmp_path, "clone", "--quiet", str(project.parent / "upstream.git"), str(other))
    (other / "data/elsewhere").symlink_to(outside)
    git(other, "add", "--all")
    push_changes(other, "a link")
    result = night(project)
    assert result.outcome is NightOutcome.FAILED
    assert "data/elsewhere must stay in the project" in result.message
    assert below(outside) == files


@pytest.mark.parametrize("table", [b"no table", *in_soak(TONIGHT)])
def test_nobody_else_can_read_what_a_night_leaves(project, table):
    before = os.umask(0o000)
    try:
        result = night(project, table)
    finally:
        os.umask(before)
    (left,) = (project / "runs").iterdir()
    assert {path.name for path in left.iterdir()} >= {"night.json"}, result.message
    folders = [project / ".cache", project / "runs", left]
    assert [stat.S_IMODE(path.stat().st_mode) for path in folders] == [0o700] * 3
    files = [project / ".cache/nightly.lock", *(path for path in left.iterdir() if path.is_file())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.soak
def test_a_night_deletes_nothing_that_a_link_in_runs_leads_to(project, outside):
    (outside / "tree").mkdir()
    files = below(outside)
    (project / "runs").mkdir()
    (project / "runs/2026-01-01T000000Z-1").symlink_to(outside)
    night(project)
    assert below(outside) == files
