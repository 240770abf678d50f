from pathlib import Path

from pipeline.repository import project
from pipeline.repository.project import Project
from tests.support.tiny_project import git


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
    folder = Project.at(user).cloned(tmp_path / "clone", "gc.auto=0")
    assert git(folder, "rev-parse", "HEAD") == git(user, "rev-parse", "HEAD")
    assert git(folder, "config", "gc.auto") == "0"
    assert not (tmp_path / "ran").exists()


def test_an_isolated_environment_has_all_but_the_users_folders_of_dvc(user, tmp_path):
    environment = Project.at(user).isolated_environment(tmp_path)
    assert {environment[name] for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR")} == {str(tmp_path)}
    assert environment["PATH"] == Project.at(user).environment["PATH"]
