"""Questions to the real DVC about the tiny project."""

import shutil

import pytest

from pipeline.repository import dvc
from pipeline.repository.project import Project
from tests.support.work_tree import run


def test_the_cache_is_where_dvc_has_it(user, tmp_path):
    assert dvc.cache_folder(Project.at(user)) == user / ".dvc/cache"
    run(user, "dvc", "config", "--local", "cache.dir", str(tmp_path / "shared"))
    assert dvc.cache_folder(Project.at(user)) == tmp_path / "shared"


def test_a_default_remote_is_known_or_not(user):
    assert dvc.has_default_remote(Project.at(user))
    (user / ".dvc/config").write_text("[core]\n    analytics = false\n")
    assert not dvc.has_default_remote(Project.at(user))


def test_a_stage_is_stale_once_its_code_has_changed(user):
    assert dvc.stale_stages(Project.at(user), seconds=60) == []
    (user / "code.txt").write_text("two\n")
    assert dvc.stale_stages(Project.at(user), seconds=60) == ["train"]


def test_what_the_remote_lacks_is_listed_file_by_file(user):
    assert dvc.missing_in_remote(Project.at(user), seconds=60) == ["models/", "models/weights"]
    run(user, "dvc", "push", "--quiet")
    assert dvc.missing_in_remote(Project.at(user), seconds=60) == []


@pytest.mark.parametrize("fault", ["changed", "not in the cache"])
def test_outputs_that_a_checkout_would_lose_are_listed_and_missing_ones_are_not(user, fault):
    shutil.rmtree(user / "models")
    assert dvc.only_in_the_work_tree(Project.at(user), seconds=60) == []
    run(user, "dvc", "checkout", "--quiet")
    if fault == "changed":
        (user / "models/weights").unlink()
        (user / "models/weights").write_text("of the user")
    else:
        shutil.rmtree(user / ".dvc/cache")
    assert dvc.only_in_the_work_tree(Project.at(user), seconds=60) == ["models/"]
