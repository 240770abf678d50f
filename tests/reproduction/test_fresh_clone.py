"""What a fresh clone holds and where it takes the recorded bytes from."""

import shutil

import pytest

from pipeline.repository.dvc_lock import Stage, md5_of
from pipeline.repository.freshness import current_md5
from pipeline.reproduction.fresh_clone import CannotVerifyError
from tests.reproduction.conftest import clone, commit
from tests.support.work_tree import run


def test_a_table_that_only_the_cache_has_is_taken_from_there(fresh_clone):
    md5 = md5_of(fresh_clone.checkout.folder / "model/weights.csv")
    (fresh_clone.project.folder / "params.yaml").write_text("data: {path: mine/table.csv}")
    fresh_clone.copy_raw_table({"prepare": Stage({"mine/table.csv": md5}, {}, {})})
    assert md5_of(fresh_clone.project.folder / "mine/table.csv") == md5


@pytest.fixture
def folder(project):
    """The md5 of a table of two files in the project's folder `mine`, which the commit names and does not have."""
    (project / "params.yaml").write_text("data: {path: mine}")
    (project / ".gitignore").write_text("/mine\n")
    commit(project)
    (project / "mine/2024").mkdir(parents=True)
    (project / "mine/a.csv").write_text("a")
    (project / "mine/2024/b.csv").write_text("b")
    return current_md5(project / "mine")


def copy_of_table(project, tmp_path, *, md5):
    """The folder in a fresh clone, after the table with this md5 was copied there."""
    copy = clone(project, tmp_path)
    copy.copy_raw_table({"prepare": Stage({"mine": md5}, {}, {})})
    return copy.project.folder / "mine"


def test_a_table_that_is_a_folder_is_taken_from_the_work_tree(project, tmp_path, folder):
    assert current_md5(copy_of_table(project, tmp_path, md5=folder)) == folder


def test_a_table_that_is_a_folder_is_taken_from_the_cache(project, tmp_path, folder):
    run(project, "dvc", "add", "mine")
    (project / "mine/a.csv").unlink()
    assert current_md5(copy_of_table(project, tmp_path, md5=folder)) == folder


def test_of_a_folder_of_which_git_has_a_part_the_rest_is_taken_too(project, tmp_path, folder):
    run(project, "git", "add", "--force", "mine/a.csv")
    commit(project)
    assert current_md5(copy_of_table(project, tmp_path, md5=folder)) == folder


def test_a_table_that_is_a_folder_of_other_files_is_not_taken(project, tmp_path, folder):
    (project / "mine/a.csv").write_text("other")
    with pytest.raises(CannotVerifyError, match=r"mine must have the bytes that dvc\.lock records"):
        copy_of_table(project, tmp_path, md5=folder)


def test_a_table_at_a_url_is_read_from_there(fresh_clone):
    (fresh_clone.project.folder / "params.yaml").write_text("data: {path: 's3://salaries/raw'}")
    before = sorted(fresh_clone.project.folder.iterdir())
    fresh_clone.copy_raw_table({"prepare": Stage({"s3://salaries/raw": "02.dir"}, {}, {})})
    assert sorted(fresh_clone.project.folder.iterdir()) == before


def test_settings_that_cannot_be_read_are_refused(fresh_clone):
    (fresh_clone.project.folder / "params.yaml").write_text("data: {}")
    with pytest.raises(CannotVerifyError, match=r"params\.yaml: data\.path: Field required"):
        fresh_clone.copy_raw_table({})


def test_a_damaged_file_of_the_cache_is_not_taken_for_the_recorded_one(project, tmp_path):
    copy = clone(project, tmp_path)
    md5 = md5_of(project / "model/weights.csv")
    assert copy.recorded_bytes("elsewhere", md5)
    cached = copy.caches.find(md5)
    cached.chmod(0o644)
    cached.write_text("damaged")
    assert copy.recorded_bytes("elsewhere", md5) is None


def test_a_commit_with_a_link_that_leads_out_is_not_verified_as_that_would_write_there(project, tmp_path):
    (project / "data").symlink_to(tmp_path)
    commit(project)
    with pytest.raises(CannotVerifyError, match=r"data must stay in the project.*found that it leads to"):
        clone(project, tmp_path)


def test_a_shallow_clone_can_be_verified(project, tmp_path):
    run(tmp_path, "git", "clone", "--quiet", "--depth=1", f"file://{project}", "shallow")
    assert (clone(tmp_path / "shallow", tmp_path).project.folder / "dvc.lock").is_file()


def test_a_project_in_a_folder_of_its_repository_can_be_verified(project, tmp_path):
    shutil.rmtree(project / ".git")
    run(project.parent, "git", "init", "--quiet")
    commit(project.parent)
    assert (clone(project, tmp_path).project.folder / "dvc.lock").is_file()
