"""Cleaning up a tiny project after some nights, with the real `dvc gc`."""

import shutil

import pytest

from pipeline.nights.one_at_a_time import only_one
from pipeline.nights.retention import clean_up
from pipeline.runtime.errors import BusyError, RuleError
from tests.support.night_history import FIRST
from tests.support.tiny_project import git, state
from tests.support.work_tree import run

UNTAGGED = ":/2026-01-03"


def cache(user):
    return {file.name for file in (user / ".dvc/cache/files").rglob("*") if file.is_file()}


def model_at(user, revision, *, code=0):
    """The model that git and DVC check out there, from the cache alone."""
    git(user, "checkout", "--quiet", "--detach", revision)
    run(user, "dvc", "checkout", "--quiet", code=code)
    return (user / "models/weights").read_text() if code == 0 else None


def with_runs(user, *names):
    for name in names:
        (user / "runs" / name).mkdir(parents=True)
        (user / "runs" / name / "log.txt").write_text("10000 bytes".ljust(10_000))


@pytest.fixture(scope="module")
def cleaned(made_past, tmp_path_factory):
    """A project after a deletion that protects its last night only, and what was said."""
    user = shutil.copytree(made_past.parent, tmp_path_factory.mktemp("cleaned") / "in", symlinks=True) / "user"
    with_runs(user, "2026-01-04", "2026-01-03")
    before = cache(user)
    said = clean_up(user, nights=1, delete=True)
    return user, said, before - cache(user)


def test_an_old_tag_the_champion_and_nothing_else_survive(cleaned):
    user, _, _ = cleaned
    assert model_at(user, FIRST) == "a\n1\none\n"
    assert model_at(user, "main") == "a\n1\n2\n3\none\n"
    model_at(user, UNTAGGED, code=255)


def test_it_says_how_much_went(cleaned):
    _, said, gone = cleaned
    assert said == [
        "gc: protected are the work tree, HEAD, all branches, tags, experiments, the last 1 nights and the anchor",
        f"DVC's cache: {len(gone)} files, 0.00 MB went",
        "runs: 1 folders, 1 files, 0.01 MB went: 2026-01-03",
    ]


def test_the_folders_of_the_last_nights_stay(cleaned):
    user, _, _ = cleaned
    assert [run.name for run in (user / "runs").iterdir()] == ["2026-01-04"]


def test_the_last_nights_are_protected_behind_a_merge_too(past):
    git(past, "checkout", "--quiet", "-b", "other", FIRST)
    git(past, "commit", "--quiet", "--allow-empty", "--message", "elsewhere")
    git(past, "merge", "--quiet", "--no-ff", "--message", "merged", "main")
    git(past, "branch", "--delete", "--force", "main")
    clean_up(past, nights=3, delete=True)
    assert model_at(past, UNTAGGED) == "a\n1\n2\none\n"


def test_the_anchor_is_protected_without_a_tag_too(past):
    git(past, "checkout", "--quiet", UNTAGGED, "--", "metrics/anchor.json")
    clean_up(past, nights=1, delete=True)
    git(past, "checkout", "--quiet", "HEAD", "--", "metrics/anchor.json")
    assert model_at(past, UNTAGGED) == "a\n1\n2\none\n"


def test_what_is_only_shown_changes_nothing(past):
    with_runs(past, "a", "b", "c")
    (past / "runs/a/leftover").mkdir()
    before = state(past), cache(past)
    said = clean_up(past, nights=1, delete=False)
    assert (state(past), cache(past)) == before
    assert (past / "runs/a/log.txt").is_file()
    assert said[1:] == [
        "DVC's cache: 5 files, 0.00 MB would go",
        "runs: 2 folders, 2 files, 0.02 MB would go: a (with its clone), b",
        "nothing was deleted: --delete does it (make gc DELETE=yes)",
    ]


def test_a_cache_that_others_may_share_is_only_shown(past, tmp_path):
    shutil.copytree(past / ".dvc/cache", tmp_path / "shared")
    run(past, "dvc", "config", "--local", "cache.dir", str(tmp_path / "shared"))
    before = sorted((tmp_path / "shared").rglob("*"))
    with pytest.raises(RuleError, match=r"must be the project's own .*, found .*shared; run dvc gc with --projects"):
        clean_up(past, nights=1, delete=True)
    assert sorted((tmp_path / "shared").rglob("*")) == before


def test_beside_a_night_that_runs_nothing_is_deleted(past):
    before = cache(past)
    with only_one(past), pytest.raises(BusyError, match="this command must not run beside a night"):
        clean_up(past, nights=1, delete=True)
    assert cache(past) == before


def test_nothing_is_deleted_where_a_link_in_place_of_the_runs_leads_to(past, tmp_path):
    (tmp_path / "elsewhere/2020").mkdir(parents=True)
    (past / "runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RuleError, match=r"runs must be a folder of yours .* found a link to"):
        clean_up(past, nights=1, delete=True)
    assert (tmp_path / "elsewhere/2020").exists()
