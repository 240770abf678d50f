"""A fork whose nights have put another table in the sample's place: its tests pass as before."""

import os
import sys

import pytest

from pipeline import sample
from tests.support.processes import set_params
from tests.support.sample import TABLE
from tests.support.tiny_project import git
from tests.support.work_tree import copy_of_the_work_tree, run


@pytest.mark.soak
@pytest.mark.parametrize("keeper", ["git", "DVC"])
def test_the_tests_pass_after_an_accepted_night_whoever_has_the_table(tmp_path, keeper, monkeypatch):
    fork = copy_of_the_work_tree(tmp_path / "fork")
    sample.write(tmp_path / "source.csv", rows=4_300, seed=9)
    set_params(fork, {"nightly.source": "../source.csv"})
    if keeper == "DVC":
        git(fork, "rm", "--quiet", "--cached", TABLE)
        run(fork, "dvc", "add", "--quiet", TABLE)
        git(fork, "add", "--all")
    git(fork, "commit", "--quiet", "--all", "--message", "a source")
    run(fork, sys.executable, "-m", "pipeline.nightly", "--force", "the first real table", code=12)
    for variable in [name for name in os.environ if name.startswith("PYTEST_")]:  # of the run that this test is in
        monkeypatch.delenv(variable)
    tests = ("-q", "-m", "not soak", "--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    run(fork, sys.executable, "-m", "pytest", *tests)
