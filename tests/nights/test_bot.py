import datetime

from pipeline.nights.bot import as_bot
from tests.support.tiny_project import git, workspace


def test_the_bots_commits_have_its_name_and_the_nights_date_whoever_the_user_is(user):
    clone = as_bot(workspace(user), datetime.date(2026, 1, 31)).project
    clone.lines("git", "commit", "--quiet", "--allow-empty", "--message", "a night")
    assert git(clone.folder, "log", "-1", "--format=%an %ae %aI %cn %ce %cI") == " ".join(
        2 * ["nightly", "nightly@localhost", "2026-01-31T00:00:00+00:00"]
    )
