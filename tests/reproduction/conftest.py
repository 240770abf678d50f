"""A tiny project to verify: its stages take no time."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from pipeline import versions
from pipeline.repository.project import Project
from pipeline.reproduction.fresh_clone import FreshClone
from tests.support.code import FILES, reachable
from tests.support.work_tree import ROOT, run

STAGES = """
stages:
  model:
    cmd: python model.py
    deps: [model.py, ../table.csv]
    outs: [model]
  all:
    cmd: python scores.py
    deps: [scores.py, model]
    metrics: [a.json: {cache: false}]
"""
MODEL = """
from pathlib import Path
Path("model").mkdir()
Path("model/versions.txt").write_bytes(Path("versions.json").read_bytes())
Path("model/weights.csv").write_text(Path("../table.csv").read_text().replace("2", "3"))
"""
SCORES = """
from pathlib import Path
numbers = Path("model/weights.csv").read_text().split()[1:]
Path("a.json").write_text('{"sum": %s}' % sum(map(float, numbers)))
"""


@pytest.fixture(scope="package")
def trained_once(tmp_path_factory):
    """A folder with a table and, beside it, a committed project that was trained on it. Not to be changed."""
    folder = tmp_path_factory.mktemp("a folder") / "project"
    code = {str(FILES[name].relative_to(ROOT)) for name in reachable("versions")}
    for file in (*code, ".dvc/config", ".dvc/.gitignore", ".cache/dvc/repo/.gitignore"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)
    (folder.parent / "table.csv").write_text("a\n1\n2\n")
    (folder / "params.yaml").write_text("data: {path: ../table.csv}")
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "model.py").write_text(MODEL)
    (folder / "scores.py").write_text(SCORES)
    (folder / "versions.json").write_text(json.dumps({"numpy": versions.installed("numpy")}))
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "repro")
    commit(folder)
    return folder.parent


@pytest.fixture
def project(trained_once, tmp_path, monkeypatch):
    """A copy of the trained project for one test alone, and all temporary folders in its own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return Path(shutil.copytree(trained_once, tmp_path / "a folder")) / "project"


def commit(folder):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "a change")


def clone(project, tmp_path):
    return FreshClone.of_head(Project.at(project), tmp_path)


@pytest.fixture(scope="package")
def fresh_clone(trained_once, tmp_path_factory):
    """A clone in which nothing has run."""
    return clone(trained_once / "project", tmp_path_factory.mktemp("clone"))
