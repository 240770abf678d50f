"""Who gets tonight's model from DVC's remote has the one that won, or its commit does not go out."""

import datetime
import shutil
from dataclasses import replace

import numpy as np
import pytest

from pipeline import params
from pipeline.data.raw_table import read_table
from pipeline.model.bundle import Bundle
from pipeline.nights import canary as canary_module
from pipeline.nights.canary import ROWS, Canary
from pipeline.nights.night import Night
from pipeline.nights.record import NightOutcome
from pipeline.runtime.errors import CommandError, RuleError
from tests.support.night_project import DATE, TONIGHT, night
from tests.support.tiny_project import git, state, workspace
from tests.support.work_tree import run


@pytest.fixture
def tonight(project):
    """A night whose clone has the project's commit, which was pushed."""
    tree = workspace(project)
    settings = params.load(params.Nightly, "nightly", file=project / "params.yaml")
    prepare = params.load(params.Prepare, "prepare", file=project / "params.yaml")
    return Night(tree, project / "runs/tonight", DATE, None, settings, prepare, "data/raw/salaries.csv", {})


@pytest.fixture
def canary(tonight, tmp_path):
    (tmp_path / "tonight.csv").write_bytes(TONIGHT)
    table = read_table(tmp_path / "tonight.csv", settings=tonight.prepare)
    return Canary.of(table, Bundle.load(tonight.workspace.checkout.folder / "models/full"))


def test_the_model_comes_from_the_remote_and_has_to_predict_the_same_to_the_last_bit(tonight, canary):
    shutil.rmtree(tonight.workspace.cache)
    canary.check(tonight, tonight.workspace)
    assert [path.name for path in tonight.folder.iterdir()] == ["tree"]
    nudged = canary.predicted.copy()
    nudged[7] = np.nextafter(nudged[7], np.inf)
    with pytest.raises(
        RuleError, match=f"before its commit goes out, found other predictions for 1 of {ROWS} rows; see"
    ):
        replace(canary, predicted=nudged).check(tonight, tonight.workspace)


@pytest.mark.soak
def test_a_remote_that_has_lost_a_file_gives_no_model_though_the_cache_has_it(tonight, canary):
    remote = tonight.workspace.checkout.folder.parent / "remote"
    (weights,) = run(remote, "find", ".", "-type", "f", "-size", "+9k").split()[:1]
    (remote / weights).unlink()
    with pytest.raises(
        RuleError, match=r"(?s)models/full, as others get it must predict as here, .*No storage files available"
    ):
        canary.check(tonight, tonight.workspace)


def test_a_night_whose_model_others_cannot_get_publishes_no_commit_and_no_tag(project, monkeypatch):
    def get(workspace, path, *, temporary, seconds):
        raise CommandError(["dvc", "get", path], "ended with code 255")

    monkeypatch.setattr(canary_module, "get_as_consumer", get)
    before, upstream = state(project), git(project.parent / "upstream.git", "for-each-ref")
    result = night(project, date=DATE + datetime.timedelta(1))
    assert result.outcome == NightOutcome.FAILED
    assert "found that dvc get models/full ended with code 255; see that DVC's remote gives back" in result.message
    assert state(project) == before
    assert git(project.parent / "upstream.git", "for-each-ref") == upstream
