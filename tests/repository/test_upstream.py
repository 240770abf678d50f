"""A checkout that is behind its upstream, level with it, or on a way of its own."""

import pytest

from pipeline.repository.project import Project
from pipeline.repository.upstream import catch_up
from pipeline.runtime.errors import RuleError
from tests.support.tiny_project import commit, git, state


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


def test_a_checkout_with_commits_of_its_own_is_refused_and_stays(user, colleague):
    commit(colleague, notes="of a colleague")
    git(colleague, "push", "--quiet")
    commit(user, notes="of the user")
    git(user, "fetch", "--quiet")
    before = state(user)
    with pytest.raises(RuleError, match="must be in the upstream, found 1 commits that are not; push them"):
        follow(user)
    assert state(user) == before


def test_a_checkout_at_its_upstream_or_without_one_stays(user):
    before = state(user)
    follow(user)
    assert state(user) == before
    git(user, "branch", "--unset-upstream")
    follow(user)
    assert state(user) == before
