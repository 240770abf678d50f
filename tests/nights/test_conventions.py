import datetime
import os

import pytest

from pipeline.nights.conventions import as_bot, only_one
from pipeline.runtime.errors import BusyError
from tests.support.tiny_project import git, workspace


def test_whoever_comes_second_is_told_who_runs_and_what_to_do(tmp_path):
    rule = "this command must not run beside a night, a rollback or a gc of the same project"
    found = rf"{rule}, found process {os.getpid()}, since .* UTC; wait for its end, or end it"
    with only_one(tmp_path), pytest.raises(BusyError, match=found), only_one(tmp_path):
        pass


def test_two_projects_do_not_wait_for_each_other(tmp_path):
    with only_one(tmp_path / "one"), only_one(tmp_path / "other"):
        assert (tmp_path / "other/.cache/nightly.lock").is_file()


def test_the_bots_commits_have_its_name_and_the_nights_date_whoever_the_user_is(user):
    clone = as_bot(workspace(user), datetime.date(2026, 1, 31)).project
    clone.lines("git", "commit", "--quiet", "--allow-empty", "--message", "a night")
    assert git(clone.folder, "log", "-1", "--format=%an %ae %aI %cn %ce %cI") == " ".join(
        2 * ["nightly", "nightly@localhost", "2026-01-31T00:00:00+00:00"]
    )
