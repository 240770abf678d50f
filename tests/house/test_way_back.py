"""After each kind of failure, the last good state is still there, or one printed command away."""

import json
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.runtime.command import WAY_BACK
from tests.support.processes import set_params
from tests.support.skips import in_soak, reason
from tests.support.work_tree import copy_of_the_work_tree, run

pytestmark = pytest.mark.soak
NAME = "x'$(touch PWN)`touch PWN`'"  # what a shell would run, even between single quotes
QUICK: dict[str, object] = {"recipes.course.epochs": 1, "recipes.full.epochs": 1}
KILLS = """
import os, pathlib, signal, sys
if "-m" in sys.orig_argv and any(word.startswith("pipeline.") for word in sys.orig_argv):
    def killing(function):
        def step(path, target):
            if pathlib.Path(target).name == os.environ["KILL_AT"]:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(path, target)
        return step
    pathlib.Path.replace, pathlib.Path.rename = killing(pathlib.Path.replace), killing(pathlib.Path.rename)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A copy of the repository whose last commit records a quick run. Not to be changed."""
    folder = copy_of_the_work_tree(tmp_path_factory.mktemp("recorded"))
    set_params(folder, QUICK)
    for path in outputs(folder):  # so that each of them is known to be written, and not only kept
        (folder / path).unlink(missing_ok=True)
    run(folder, "dvc", "repro", "--quiet")
    run(folder, "git", "commit", "--quiet", "--all", "--message", "trained")
    return folder


@pytest.fixture
def project(recorded, tmp_path):
    return Path(shutil.copytree(recorded, tmp_path / "project", symlinks=True))


def outputs(folder):
    """The files that the stages write, by dvc.lock; those of a model's folder one by one."""
    lock = YAML(typ="safe").load(folder / "dvc.lock")
    paths = [folder / output["path"] for stage in lock["stages"].values() for output in stage["outs"]]
    files = [file for path in paths for file in ([path] if not path.is_dir() else sorted(path.iterdir()))]
    return [str(file.relative_to(folder)) for file in files]


def contents(folder):
    return {path: (folder / path).read_bytes() for path in outputs(folder)}


def stale(folder):
    return list(json.loads(run(folder, "dvc", "status", "--json")))


def go_back_as_told(folder, shown):
    """Run the command that ends the message, and nothing else."""
    command = shown.rsplit(": ", 1)[1].split()
    assert command == ["make", "back"]
    run(folder, *command)


def break_table(folder):
    with (folder / "data/raw/salaries.csv").open("a") as table:
        table.write("2024,SE,FT,Analyst,1e5\r\n")


def add_recipe(name):
    """A copy of a recipe under another name: prepare and all other recipes are up to date."""

    def change(folder):
        yaml = YAML()
        found = yaml.load(folder / "params.yaml")
        found["recipes"][name] = deepcopy(found["recipes"]["course"])
        yaml.dump(found, folder / "params.yaml")

    return change


def settings(**changes):
    return lambda folder: set_params(folder, {key.replace("__", "."): value for key, value in changes.items()})


@pytest.mark.parametrize(
    ("change", "command", "refusing"),
    [
        (break_table, ["dvc", "repro"], "prepare: "),
        *in_soak(
            (add_recipe(NAME), ["dvc", "repro"], f"train {NAME}: "),
            (settings(prepare__min_count=3), ["dvc", "repro", "--single-item", "report", "--force"], "report: "),
            (settings(prepare__split__test_fraction=2.0), ["dvc", "repro"], "prepare: "),
            (settings(recipes__course__features=["salary"]), ["dvc", "repro"], "train course: "),
            (settings(evaluate__min_slice_rows=0), ["dvc", "repro"], "evaluate course: "),
        ),
    ],
)
def test_a_refusal_keeps_the_last_good_outputs_and_ends_with_the_way_back(project, change, command, refusing):
    before = contents(project)
    change(project)
    shown = run(project, *command, code=255)
    assert f"\n{refusing}" in shown
    assert f"\n{WAY_BACK}\n" in shown
    assert not list(project.rglob("PWN"))
    kept = {path for path, old in before.items() if (project / path).is_file() and (project / path).read_bytes() == old}
    assert kept == before.keys()
    assert stale(project)
    if refusing == "report: " or change is break_table:  # else the settings are refused first
        assert run(project, "python", "-m", "pipeline.results").startswith("These scores are not those of today's")
    go_back_as_told(project, WAY_BACK)
    assert stale(project) == []
    assert contents(project) == before
    assert run(project, "git", "status", "--porcelain") == ""
    assert run(project, "python", "-m", "pipeline.results").startswith("| on the test rows")


def test_a_recipe_that_was_never_committed_goes_into_the_stash_and_comes_back(project):
    before = contents(project)
    add_recipe("wide")(project)
    run(project, "dvc", "repro")
    tried = contents(project)
    run(project, "make", "back")
    assert run(project, "git", "status", "--porcelain") == ""
    assert stale(project) == []
    assert contents(project) == before
    run(project, "git", "stash", "pop", "--quiet")
    run(project, "dvc", "checkout", "--quiet")
    assert stale(project) == []
    assert contents(project) == tried


@pytest.mark.skipif(sys.platform == "win32", reason=reason("no SIGKILL there", to_run="make test on Linux"))
@pytest.mark.parametrize(
    ("stage", "change", "moment"),
    [
        ("prepare", {"prepare.min_count": 3}, "valid.parquet"),
        *in_soak(
            ("train@course", {"recipes.course.seed": 2}, "learning_curve.csv"),
            ("train@course", {"recipes.course.seed": 2}, "course"),
            ("evaluate@course", {"evaluate.min_slice_rows": 40}, "course.json"),
            ("evaluate@course", {"evaluate.min_slice_rows": 40}, "slices.csv"),
            ("report", {}, "report.html"),
        ),
    ],
)
def test_a_kill_in_the_middle_is_noticed_and_the_way_back_is_printed(project, tmp_path, stage, change, moment):
    before = contents(project)
    set_params(project, change)
    (tmp_path / "sitecustomize.py").write_text(KILLS)
    killer = ["env", f"PYTHONPATH={tmp_path}", f"KILL_AT={moment}"]
    run(project, *killer, "dvc", "repro", "--single-item", "--force", stage, code=255)
    left = [line for line in run(project, "git", "status", "--porcelain").splitlines() if ".draft" in line]
    assert left == []
    if change:
        assert stage in stale(project)
        shown = run(project, "python", "-m", "pipeline.results")
        assert stage in shown.split("\n\n", 1)[0]
    go_back_as_told(project, WAY_BACK)
    assert stale(project) == []
    assert contents(project) == before


def test_after_a_kill_the_next_run_makes_the_outputs_anew_and_clears_up(project, tmp_path):
    set_params(project, {"prepare.min_count": 3})
    expected = contents_after_repro(project, tmp_path / "undisturbed")
    (tmp_path / "sitecustomize.py").write_text(KILLS)
    run(project, "env", f"PYTHONPATH={tmp_path}", "KILL_AT=valid.parquet", "dvc", "repro", code=255)
    assert list((project / "data/prepared").glob(".*.draft"))
    run(project, "dvc", "repro")
    assert contents(project) == expected
    assert not [path for path in project.rglob("*.draft") if ".dvc" not in path.parts]


def contents_after_repro(project, folder):
    shutil.copytree(project, folder, symlinks=True)
    run(folder, "dvc", "repro")
    return contents(folder)


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_outputs_that_are_links_into_dvcs_cache_are_replaced_and_the_cache_keeps_its_bytes(project, kind):
    run(project, "dvc", "config", "--local", "cache.type", kind)
    run(project, "dvc", "checkout", "--relink")
    cache = {file: file.read_bytes() for file in (project / ".dvc/cache/files").rglob("*") if file.is_file()}
    set_params(project, {"prepare.min_count": 3, "recipes.course.seed": 2})
    stages = YAML(typ="safe").load(project / "dvc.yaml")["stages"]
    by_hand = [stages["prepare"]["cmd"], f"export DVC_STAGE=train@course; {stages['train']['do']['cmd']}"]
    for command in by_hand:  # DVC itself would unlink them first
        run(project, "sh", "-c", command)
    assert {file: file.read_bytes() for file in cache} == cache
    assert "prepare" in stale(project)
