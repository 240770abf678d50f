"""A cache of which files are damaged or lost, and a checkout that has them or has not."""

import pytest

from pipeline.repository.cache_mending import cached_paths, mend_cache, unsaved
from pipeline.repository.dvc_lock import Caches, place_of
from pipeline.repository.project import Project
from tests.support.tiny_project import git
from tests.support.work_tree import run

MD5, LISTING = "0cc175b9c0f1b6a831c399e269772661", "1bb104d3614a4bbe3a96117b7a394b99.dir"  # of `a`
RECORDED = {"model": LISTING}


@pytest.fixture
def cache(tmp_path):
    """The cache of a checkout whose folder `model` has a file `x`, which is `a`."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/x").write_text("a")
    mend_cache(tmp_path / "cache", RECORDED, checkout=tmp_path, has_remote=False)
    return tmp_path / "cache"


def mended(cache, *, has_remote):
    """Which of the listing and the file are there with the right bytes once it is mended, and which at all."""
    mend_cache(cache, RECORDED, checkout=cache.parent, has_remote=has_remote)
    caches = Caches((cache,))
    return [(caches.is_intact(md5), caches.find(md5) is not None) for md5 in (LISTING, MD5)]


def damage(cache, md5):
    (cache / place_of(md5)).chmod(0o644)
    (cache / place_of(md5)).write_text("damaged")
    (cache / place_of(md5)).chmod(0o444)


def test_what_is_lost_is_saved_as_dvc_would(cache):
    assert mended(cache, has_remote=False) == [(True, True)] * 2
    assert {file.name for file in cache.rglob("*") if file.is_file()} == {LISTING[2:], MD5[2:]}
    assert {file.stat().st_mode & 0o777 for file in cache.rglob("*") if file.is_file()} == {0o444}


@pytest.mark.parametrize("md5", [LISTING, MD5])
def test_what_is_damaged_is_saved_from_the_checkout(cache, md5):
    damage(cache, md5)
    assert Caches((cache,)).damaged([LISTING, MD5]) == [place_of(md5)]
    assert mended(cache, has_remote=False) == [(True, True)] * 2


@pytest.mark.parametrize("other", [None, "b"])
def test_what_is_damaged_and_not_in_the_checkout_goes_if_a_remote_may_have_it(cache, other):
    damage(cache, MD5)
    (cache.parent / "model/x").unlink()
    if other:
        (cache.parent / "model/x").write_text(other)
    assert mended(cache, has_remote=False) == [(True, True), (False, True)]
    assert mended(cache, has_remote=True) == [(True, True), (False, False)]


def test_a_damaged_listing_goes_too_and_names_no_files(cache):
    damage(cache, LISTING)
    (cache.parent / "model/x").unlink()
    assert Caches((cache,)).files("model", LISTING) is None
    assert mended(cache, has_remote=True) == [(False, False), (True, True)]


def test_only_files_that_the_cache_has_not_are_unsaved(cache):
    assert unsaved(cache, RECORDED, checkout=cache.parent) == []
    (cache.parent / "model/mine").write_text("b")
    assert unsaved(cache, RECORDED, checkout=cache.parent) == ["model/mine"]


def test_the_cached_paths_are_those_that_git_has_not(user):
    assert list(cached_paths(Project.at(user))) == ["models"]
    git(user, "rm", "--quiet", "--cached", "table.csv")
    run(user, "dvc", "add", "--quiet", "table.csv")
    assert list(cached_paths(Project.at(user))) == ["table.csv", "models"]
