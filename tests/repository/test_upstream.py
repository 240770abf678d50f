"""A checkout that is behind its upstream, level with it, or on a way of its own."""

import shutil

import pytest

from pipeline.repository.project import Project
from pipeline.repository.upstream import Upstream, catch_up
from pipeline.runtime.errors import CommandError, RuleError
from tests.support.tiny_project import commit, git, state, workspace


@pytest.fixture
def colleague(user):
    """Another clone of the upstream."""
    git(user.parent, "clone", "--quiet", "upstream.git", "colleague")
    return user.parent / "colleague"


def follow(user):
    catch_up(Project.at(user), tries=1, seconds=60)


def test_a_checkout_that_is_behind_goes_forward_with_its_outputs(user, colleague):
    theirs = commit(colleague, notes="of a colleague")
    git(colleague, "push", "--quiet")
    follow(user)
    assert git(user, "rev-parse", "HEAD") == theirs
    assert (user / "notes.md").read_text() == "of a colleague"


def test_a_push_is_tried_without_sending_anything_also_if_others_have_pushed_meanwhile(user, colleague):
    tonight = workspace(user)
    theirs = commit(colleague, notes="of a colleague")
    git(colleague, "push", "--quiet")
    upstream = Upstream.of(tonight)
    assert upstream
    upstream.check_push(tonight, seconds=60)
    assert git(user.parent / "upstream.git", "rev-parse", "main") == theirs
    shutil.move(user.parent / "upstream.git", user.parent / "elsewhere.git")
    with pytest.raises(CommandError, match="does not appear to be a git repository"):
        upstream.check_push(tonight, seconds=60)


def test_a_checkout_with_commits_of_its_own_is_refused_and_stays(user, colleague):
    commit(colleague, notes="of a colleague")
    git(colleague, "push", "--quiet")
    commit(user, notes="of the user")
    git(user, "fetch", "--quiet")
    before = state(user)
    with pytest.raises(RuleError, match="must be in the upstream, found 1 commit that is not; push them"):
        follow(user)
    assert state(user) == before


def test_a_checkout_at_its_upstream_or_without_one_stays(user):
    before = state(user)
    follow(user)
    assert state(user) == before
    git(user, "branch", "--unset-upstream")
    follow(user)
    assert state(user) == before
