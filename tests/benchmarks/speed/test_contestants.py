"""Loops that take turns in processes of their own."""

from contextlib import closing

import pytest

from benchmarks.speed.contestants import Contestant, TrainingLoop


@pytest.fixture
def in_c(trained, monkeypatch):
    """A contestant on the prepared sample."""
    monkeypatch.chdir(trained)
    with closing(Contestant(TrainingLoop("handwritten_c:c"))) as contestant:
        yield contestant


@pytest.mark.soak
def test_a_contestant_starts_with_one_task_after_another_and_says_what_it_cannot_do(in_c):
    assert isinstance(in_c.start("course", 4, seconds=0.001), float)
    assert in_c.turn() > 0
    assert in_c.start("full", 4, seconds=0.001) == "not expressible"
    assert isinstance(in_c.start("64-64", 64, seconds=0.001), float)


def test_a_contestant_whose_library_is_missing_says_so(trained, monkeypatch, tmp_path):
    monkeypatch.chdir(trained)
    monkeypatch.setenv("CC", str(tmp_path / "no-such-compiler"))
    with closing(Contestant(TrainingLoop("handwritten_c:c"))) as contestant:
        assert contestant.start("course", 4, seconds=0.001) == "not installed"
