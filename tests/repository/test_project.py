import shutil
from pathlib import Path

import pytest

from pipeline.repository import project
from pipeline.repository.project import Project
from pipeline.runtime.errors import CommandError
from tests.support.tiny_project import git
from tests.support.work_tree import run


def test_the_package_knows_no_night():
    for file in Path(project.__file__).parent.glob("*.py"):
        assert "night" not in file.read_text(encoding="utf-8").lower(), file.name


def test_unignored_files_are_those_that_git_has_or_would_add(user):
    (user / "new.md").write_text("")
    (user / "ümlaut.md").write_text("")
    found = Project.at(user).unignored_files("models", "new.md", "notes.md", "ümlaut.md", "absent.md")
    assert sorted(found) == ["new.md", "notes.md", "ümlaut.md"]


def test_a_clone_has_the_commit_the_settings_and_no_hook(user, tmp_path):
    hook = user / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    folder = Project.at(user).cloned(tmp_path / "clone", "gc.auto=0").folder
    assert git(folder, "rev-parse", "HEAD") == git(user, "rev-parse", "HEAD")
    assert git(folder, "config", "gc.auto") == "0"
    assert not (tmp_path / "ran").exists()


def test_an_isolated_environment_has_all_but_the_users_folders_of_dvc(user, tmp_path):
    environment = Project.at(user).isolated(tmp_path).environment
    assert {environment[name] for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR")} == {str(tmp_path)}
    assert environment["PATH"] == Project.at(user).environment["PATH"]


def test_the_cache_is_where_dvc_has_it(user, tmp_path):
    assert Project.at(user).cache_folder() == user / ".dvc/cache"
    run(user, "dvc", "config", "--local", "cache.dir", str(tmp_path / "shared"))
    assert Project.at(user).cache_folder() == tmp_path / "shared"


def test_a_default_remote_is_known_or_not(user):
    assert Project.at(user).has_default_remote()
    (user / ".dvc/config").write_text("[core]\n    analytics = false\n")
    assert not Project.at(user).has_default_remote()


def test_a_stage_is_stale_once_its_code_has_changed(user):
    assert Project.at(user).stale_stages(seconds=60) == []
    (user / "code.txt").write_text("two\n")
    assert Project.at(user).stale_stages(seconds=60) == ["train"]


def test_what_the_remote_lacks_is_listed_file_by_file(user):
    assert Project.at(user).missing_in_remote(seconds=60) == ["models/", "models/weights"]
    run(user, "dvc", "push", "--quiet")
    assert Project.at(user).missing_in_remote(seconds=60) == []


@pytest.mark.parametrize("fault", ["changed", "not in the cache"])
def test_outputs_that_a_checkout_would_lose_are_listed_and_missing_ones_are_not(user, fault):
    shutil.rmtree(user / "models")
    assert Project.at(user).only_in_the_work_tree(seconds=60) == []
    run(user, "dvc", "checkout", "--quiet")
    if fault == "changed":
        (user / "models/weights").unlink()
        (user / "models/weights").write_text("of the user")
    else:
        shutil.rmtree(user / ".dvc/cache")
    assert Project.at(user).only_in_the_work_tree(seconds=60) == ["models/"]


@pytest.mark.parametrize("secret", ["s3cr@t-t0ken", "p/w?o#rd-of 'mine", "100%25%40token"])
def test_no_secret_of_gits_settings_is_shown(user, secret):
    git(user, "remote", "set-url", "origin", f"http://me:{secret}@127.0.0.1:1/x.git")
    git(user, "config", "http.extraHeader", f"Authorization: Basic {secret}x")
    for command in (("git", "fetch"), ("git", "fetch", f"http://{secret}@127.0.0.1:1/y.git"), ("git", secret)):
        with pytest.raises(CommandError) as raised:
            Project.at(user).lines(*command)
        runs = {secret[at : at + 4] for at in range(len(secret) - 3)}
        assert not [run for run in runs if run in str(raised.value)]
