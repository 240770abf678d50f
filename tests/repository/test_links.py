"""Links by which a commit would have writing leave the repository."""

import pytest

from pipeline.repository.project import Project
from pipeline.runtime.errors import RuleError
from tests.support.tiny_project import commit


@pytest.mark.parametrize(
    "target", ["/elsewhere", "../elsewhere", "data/../../elsewhere", "link", ".git", "data/../.git/hooks", "first"]
)
def test_a_link_of_a_commit_that_leads_out_is_refused_and_no_clone_goes_on(user, tmp_path, target):
    (user / "first").symlink_to("/elsewhere")
    (user / "data").mkdir(exist_ok=True)
    (user / "data/new\nline").touch()
    (user / "link").symlink_to(target)
    if target != "first":
        (user / "first").unlink()
    commit(user)
    for action in (Project.at(user).check_links, lambda: Project.at(user).cloned(tmp_path / "clone")):
        if target == "link":  # a circle leads nowhere, and so not out
            action()
        else:
            with pytest.raises(RuleError, match=r"(link|first) must stay in the project.*found that it leads to /"):
                action()


def test_links_in_the_repository_and_links_that_git_does_not_have_may_be(user, tmp_path):
    (user / "inside").symlink_to("code.txt")
    (user / "to nothing").symlink_to("nowhere")
    commit(user)
    (user / "models").rename(tmp_path / "on a large disk")
    (user / "models").symlink_to(tmp_path / "on a large disk")
    Project.at(user).check_links()
    Project.at(user).check_inside(["inside", "table.csv", "new/file"])


@pytest.mark.parametrize("path", ["../out", "models/w", "/absolute", ".git/config"])
def test_a_path_that_leads_out_is_refused(user, tmp_path, path):
    (user / "models").rename(tmp_path / "elsewhere")
    (user / "models").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RuleError, match="must stay in the project"):
        Project.at(user).check_inside(["table.csv", path])
