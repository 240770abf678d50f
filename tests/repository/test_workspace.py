import shutil

import pytest

from pipeline.repository.project import Project
from pipeline.repository.workspace import Workspace, keep_leftover_clones
from pipeline.runtime.errors import RuleError
from tests.support.tiny_project import commit, git, state, workspace
from tests.support.work_tree import run


def test_a_workspace_is_the_commit_and_no_change_of_the_user(user):
    (user / "notes.md").write_text("not committed")
    (user / "new.md").write_text("not committed")
    before = state(user)
    night = workspace(user)
    assert (night.project.folder / "notes.md").read_text() == ""
    assert not (night.project.folder / "new.md").exists()
    assert (night.branch, night.commit) == ("main", git(user, "rev-parse", "HEAD"))
    assert night.project.folder == user / "runs/tonight/tree"
    assert state(user) == before


def test_a_workspace_shares_the_cache_and_so_has_the_models_without_training(user):
    night = workspace(user, outputs=True)
    assert (night.project.folder / "models/weights").read_text() == "a\n1\none\n"
    assert run(night.project.folder, "dvc", "cache", "dir").strip() == str(user / ".dvc/cache")
    assert not (night.project.folder / ".dvc/cache").exists()


def test_what_is_not_in_the_cache_comes_from_the_remote(user):
    run(user, "dvc", "push", "--quiet")
    shutil.rmtree(user / ".dvc/cache")
    assert (workspace(user, outputs=True).project.folder / "models/weights").is_file()


def test_relative_paths_of_remotes_lead_where_they_lead_the_user(user):
    (user / ".dvc/config.local").write_text("['remote \"mine\"']\n    url = ../../mine\n    verify = true\n")
    folder = workspace(user).project.folder
    assert run(folder, "dvc", "remote", "list") == run(user, "dvc", "remote", "list")
    assert "verify = true" in (folder / ".dvc/config.local").read_text()


def test_the_users_remotes_and_tokens_are_for_the_nights_commands_and_in_none_of_its_files(user):
    git(user, "config", "http.https://localhost/.extraheader", "AUTHORIZATION: basic c2VjcmV0")
    night = workspace(user)
    assert night.project.lines("git", "remote") == ["origin"]
    assert night.project.lines("git", "ls-remote", "origin", "main")[0].startswith(night.commit)
    assert night.project.lines("git", "config", "http.https://localhost/.extraheader") == [
        "AUTHORIZATION: basic c2VjcmV0"
    ]
    assert "c2VjcmV0" not in (night.project.folder / ".git/config").read_text()


def test_no_hook_of_the_user_runs(user, tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "pre-commit", "reference-transaction"):
        for hook in (hooks / name, user / ".git/hooks" / name):
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
            hook.chmod(0o755)
    project = Project.at(user)
    variables = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "init.templateDir", "GIT_CONFIG_VALUE_0": str(tmp_path)}
    night = Workspace.of_head(Project(user, {**project.environment, **variables}), run=user / "runs/a")
    night.project.lines("git", "commit", "--quiet", "--allow-empty", "--message", "a")
    assert not (tmp_path / "ran").exists()


def test_a_night_needs_a_branch(user):
    git(user, "checkout", "--quiet", "--detach")
    with pytest.raises(RuleError, match=r"must be a commit on a branch, .*; check out the branch"):
        workspace(user)


def test_settings_of_dvc_that_nobody_can_read_are_said(user):
    (user / ".dvc/config.local").write_text("no section\n")
    with pytest.raises(RuleError, match=r"clone of .* must have the commit and DVC's settings, found that"):
        workspace(user)


def test_what_killed_runs_leave_is_renamed_and_kept(user):
    for number in range(2):
        folder = workspace(user).project.folder
        (folder / "notes.md").write_text(str(number))
        keep_leftover_clones(user / "runs")
    workspace(user, "another")
    (moved,) = keep_leftover_clones(user / "runs")
    assert moved == user / "runs/another/leftover"
    assert (user / "runs/tonight/leftover/notes.md").read_text() == "0"
    assert (user / "runs/tonight/leftover-2/notes.md").read_text() == "1"
    assert keep_leftover_clones(user / "runs") == []


def test_a_removed_workspace_leaves_the_runs_other_files_and_the_cache(user):
    night = workspace(user)
    (user / "runs/tonight/log.txt").write_text("kept")
    night.remove()
    assert [file.name for file in (user / "runs/tonight").iterdir()] == ["log.txt"]
    shutil.rmtree(user / "models")
    run(user, "dvc", "checkout", "--quiet")
    assert (user / "models/weights").read_text() == "a\n1\none\n"


def test_a_project_below_the_top_of_its_repository_has_its_place_in_the_clone(tmp_path):
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "a/b").mkdir(parents=True)
    run(tmp_path / "a/b", "dvc", "init", "--quiet", "--subdir")
    (tmp_path / "a/b/table.csv").write_text("")
    commit(tmp_path)
    night = workspace(tmp_path / "a/b")
    assert night.project.folder == tmp_path / "a/b/runs/tonight/tree/a/b"
    night.remove()
    assert list((tmp_path / "a/b/runs/tonight").iterdir()) == []
