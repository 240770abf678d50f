"""Nights that are killed, with all or some of their processes, and the night after them."""

import shutil
from random import Random

import pytest

from pipeline.nights.outcome import NightOutcome
from tests.support.night_project import kill_a_night, night, outcome
from tests.support.tiny_project import git
from tests.support.work_tree import ROOT, run


def kill_and_recover(made, folder, *, kills, seed, monkeypatch):
    """Kill some nights; then one undisturbed must end where one ended that was never killed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    draw = Random(seed)  # noqa: S311 (no secret)
    killed = shutil.copytree(made.parent, folder / "killed", symlinks=True) / "user"
    (killed / "train.sh").write_text((killed / "train.sh").read_text().replace("set -e", "set -e; sleep 1"))
    run(killed, "dvc", "repro", "--quiet")
    git(killed, "commit", "--quiet", "--all", "--message", "a training that takes its time")
    git(killed, "push", "--quiet")
    undisturbed = shutil.copytree(killed.parent, folder / "undisturbed", symlinks=True) / "user"
    night(undisturbed)
    for _ in range(kills):
        kill_a_night(killed, draw=draw)
        assert not git(killed, "status", "--porcelain")
        git(killed, "fsck")
    assert night(killed).outcome in (NightOutcome.PROMOTED, NightOutcome.UNCHANGED)
    assert outcome(killed) == outcome(undisturbed)
    assert "up to date" in run(killed, "dvc", "status")


def test_after_kills_at_any_moment_the_next_night_does_what_an_undisturbed_one_does(
    made_night_project, tmp_path, monkeypatch
):
    kill_and_recover(made_night_project, tmp_path, kills=3, seed=1, monkeypatch=monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 15))
def test_after_many_kills_too(made_night_project, tmp_path, monkeypatch, seed):
    kill_and_recover(made_night_project, tmp_path, kills=4, seed=seed, monkeypatch=monkeypatch)
