"""Nights of a tiny project, published for real: git pushes to a repository beside it, dvc to a folder."""

import datetime
import shutil
from dataclasses import replace

import pytest

from pipeline.nights.publish import publish_commit
from pipeline.repository.delivery import Publication
from pipeline.runtime.errors import RuleError
from tests.support.tiny_project import commit, git, state, workspace
from tests.support.work_tree import run

FILES = ("table.csv", "dvc.lock", "metrics.txt")
TAG = "nightly-2026-01-02"
PROMOTED = Publication(FILES, "Tonight", datetime.date(2026, 1, 2), tag=TAG)
KEPT = replace(PROMOTED, files=("history.csv",), tag=None)
TAGGED = replace(KEPT, tag=TAG)


def trained(user):
    """A night that has got a new table and trained on it."""
    night = workspace(user, outputs=True)
    (night.project.folder / "table.csv").write_text("a\n1\n2\n")
    run(night.project.folder, "dvc", "repro", "--quiet")
    return night


def kept(user):
    """A night that has only its line of the history to publish."""
    night = workspace(user)
    (night.project.folder / "history.csv").write_text("night\n2026-01-02\n")
    return night


def published(night, publication, *, tries=1, pause=lambda seconds: None):
    return publish_commit(night, publication, tries=tries, seconds=60, pause=pause)


def upstream_of(user):
    return user.parent / "upstream.git"


def colleague(user):
    """Another clone of the upstream, by somebody who can commit and push there."""
    git(user.parent, "clone", "--quiet", "upstream.git", "colleague")
    return user.parent / "colleague"


def push_as_colleague(user, **files):
    folder = colleague(user)
    made = commit(folder, **files)
    git(folder, "push", "--quiet")
    return made


def break_remote(user):
    (user.parent / "remote").rmdir()
    (user.parent / "remote").write_text("no folder")


@pytest.fixture
def without_remote(user):
    (user / ".dvc/config").write_text("[core]\n    analytics = false\n")
    commit(user)
    git(user, "push", "--quiet")
    return user


@pytest.fixture
def refused(without_remote):
    """A project in which publishing is to fail: nothing may be changed then, neither there nor upstream."""
    user = without_remote
    before = []

    def check(night, match, publication=KEPT, *, tries=1):
        before.extend([state(user), git(upstream_of(user), "for-each-ref")])
        with pytest.raises(RuleError, match=match):
            published(night, publication, tries=tries)
        assert [state(user), git(upstream_of(user), "for-each-ref")] == before

    return check


def test_a_night_is_in_the_remote_upstream_and_in_the_users_checkout(user):
    (user / "notes.md").write_text("of the user, not committed")
    night = trained(user)
    (night.project.folder / "log.txt").write_text("not to be published")
    made = published(night, PROMOTED)
    assert git(user, "rev-parse", "HEAD", "main", "origin/main", TAG + "^{}").split() == [made] * 4
    assert git(upstream_of(user), "rev-parse", "main", TAG + "^{}").split() == [made] * 2
    assert git(user, "show", "--name-only", "--format=%P", made).split() == [night.commit, *sorted(FILES)]
    assert git(user, "log", "-1", "--format=%an %ae %aI %cn %ce %cI %s") == (
        "nightly nightly@localhost 2026-01-02T00:00:00+00:00 "
        "nightly nightly@localhost 2026-01-02T00:00:00+00:00 Tonight"
    )
    assert (user / "models/weights").read_text() == "a\n1\n2\none\n"
    assert (user / "notes.md").read_text() == "of the user, not committed"
    shutil.rmtree(user / ".dvc/cache")
    run(user, "dvc", "pull", "--quiet")


@pytest.mark.parametrize("tonights", [b"two rows break it", None])
def test_the_report_on_the_table_is_tonights_or_none(user, tonights):
    night = trained(user)
    for tree, text in ((user, b"yesterday's"), (night.project.folder, tonights)):
        (tree / "data").mkdir()
        if text:
            (tree / "data/contract-report.txt").write_bytes(text)
    published(night, PROMOTED)
    assert [file.read_bytes() for file in (user / "data").iterdir()] == ([tonights] if tonights else [])


def test_the_same_night_is_the_same_commit_and_the_same_tag(without_remote):
    user, other = without_remote, without_remote.parent / "other/user"
    shutil.copytree(user.parent, other.parent, symlinks=True)
    made = [published(kept(folder), TAGGED) for folder in (user, other)]
    assert made[0] == made[1]
    assert git(user, "rev-parse", TAG) == git(other, "rev-parse", TAG)


def test_without_upstream_only_the_users_branch_moves(without_remote):
    user = without_remote
    git(user, "branch", "--unset-upstream")
    before = git(upstream_of(user), "for-each-ref")
    made = published(kept(user), KEPT)
    assert git(user, "rev-parse", "main") == made
    assert git(user, "tag") == ""
    assert git(upstream_of(user), "for-each-ref") == before


@pytest.mark.soak
def test_a_remote_that_takes_no_data_changes_nothing_and_its_reason_is_given(user):
    night = trained(user)
    break_remote(user)
    before = state(user), git(upstream_of(user), "for-each-ref")
    with pytest.raises(RuleError, match=r"must be published, found that .*dvc push(.|\n)*Not a directory"):
        published(night, PROMOTED)
    assert (state(user), git(upstream_of(user), "for-each-ref")) == before


def test_a_night_that_has_only_its_record_to_publish_needs_no_remote(user):
    night = kept(user)
    break_remote(user)
    assert published(night, KEPT) == git(user, "rev-parse", "main")


@pytest.mark.soak
def test_a_remote_that_has_lost_a_file_is_found_out(user):
    night = trained(user)
    run(night.project.folder, "dvc", "push", "--quiet")
    (lost,) = [file for file in (user.parent / "remote").rglob("*") if file.is_file() and file.suffix != ".dir"]
    lost.unlink()
    before = state(user)
    with pytest.raises(RuleError, match=r"DVC's remote must have all outputs .*, found none of models/weights;"):
        published(night, PROMOTED)
    assert state(user) == before


def test_a_push_that_loses_the_race_goes_on_top_of_the_winner(without_remote):
    user = without_remote
    night = kept(user)
    winner = commit(colleague(user), notes="of a colleague")
    git(user.parent / "colleague", "push", "--quiet", "origin", "HEAD:refs/heads/winner")
    hook = upstream_of(user) / "hooks/pre-receive"  # the colleague's push arrives in the middle of ours, once
    moved = f"git update-ref refs/heads/main {winner} && touch moved"
    hook.write_text(f"#!/bin/sh\nunset GIT_QUARANTINE_PATH\ntest -e moved || {{ {moved}; }}\n")
    hook.chmod(0o755)
    waited: list[float] = []
    made = published(night, TAGGED, tries=2, pause=waited.append)
    assert waited == [1]
    assert git(user, "rev-parse", "main~1", "main~2").split() == [winner, night.commit]
    assert git(user, "rev-parse", "HEAD", "origin/main", TAG + "^{}").split() == [made] * 3
    assert git(upstream_of(user), "rev-parse", "main") == made
    assert (user / "notes.md").read_text() == "of a colleague"


def test_a_conflict_with_what_others_have_pushed_gives_up(without_remote, refused):
    night = kept(without_remote)
    push_as_colleague(without_remote, history="night\nof a colleague\n")
    refused(night, "on top of what others have pushed meanwhile, found a conflict", TAGGED, tries=3)


def test_results_of_code_that_others_have_changed_are_given_up(without_remote, refused):
    night = kept(without_remote)
    push_as_colleague(without_remote, code="two\n")
    refused(night, "found that it changes what they are made from: dvc status names train", TAGGED, tries=3)


def test_an_upstream_that_refuses_is_tried_again_and_given_up(without_remote, refused):
    hook = upstream_of(without_remote) / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho closed >&2; exit 1\n")
    hook.chmod(0o755)
    refused(kept(without_remote), r"must be pushed within 2 tries of 60 s(.|\n)*closed", TAGGED, tries=2)


def test_commits_that_the_user_has_not_pushed_are_not_published(without_remote, refused):
    commit(without_remote, notes="for me alone")
    refused(kept(without_remote), "must be in the upstream, found 1 commit that is not; push them")


def test_changes_of_the_user_that_the_night_would_overwrite_stop_it(without_remote, refused):
    night = kept(without_remote)
    (without_remote / "history.csv").write_text("of the user")
    refused(night, r"your work tree must have no changes of your own .*, found  M history.csv; commit what is changed")


@pytest.mark.soak
def test_changes_that_only_a_pushed_commit_of_others_would_overwrite_are_kept(without_remote):
    user = without_remote
    night = kept(user)
    push_as_colleague(user, notes="of a colleague")
    (user / "notes.md").write_text("of the user")
    before = state(user)
    words = r"your checkout must go forward to .*, which is pushed(.|\n)*notes.md(.|\n)*; git fetch '/.* .*' HEAD; git"
    with pytest.raises(RuleError, match=words):
        published(night, KEPT)
    pushed = {"refs": git(user, "for-each-ref")}  # the upstream's own branch, as it is there now
    assert git(user, "rev-parse", "origin/main") == git(upstream_of(user), "rev-parse", "main")
    assert state(user) == before | pushed


def test_a_user_who_has_committed_meanwhile_stops_it(without_remote, refused):
    night = kept(without_remote)
    commit(without_remote, notes="in the night")
    refused(night, "HEAD must stay at the commit that was cloned, main at")


def test_a_tag_that_there_is_stops_it(without_remote, refused):
    git(without_remote, "tag", TAG)
    refused(kept(without_remote), f"the tag {TAG} must be new, found one", TAGGED)


def test_a_tag_of_another_branch_is_not_moved(without_remote, refused):
    git(without_remote, "checkout", "--quiet", "-b", "other")
    commit(without_remote, notes="elsewhere")
    git(without_remote, "tag", TAG)
    git(without_remote, "checkout", "--quiet", "main")
    refused(kept(without_remote), f"the tag {TAG} must be new, found one", TAGGED)


def test_what_a_night_has_changed_besides_is_not_lost_in_silence(without_remote, refused):
    night = kept(without_remote)
    (night.project.folder / "notes.md").write_text("of a stage")
    refused(night, "the pipeline must change no file in git but its outputs, found changes in notes.md")


def test_a_tag_that_there_is_upstream_keeps_the_commit_out_too(without_remote, refused):
    git(upstream_of(without_remote), "tag", TAG, "main")
    refused(kept(without_remote), r"must be pushed within 1 try(.|\n)*already exists", TAGGED)
