"""A tiny project that drops a recipe."""

import json

import pytest
from ruamel.yaml import YAML

from pipeline.repository.dropped_stages import Leftovers, clean_up_dropped, find_leftovers
from pipeline.repository.project import Project
from pipeline.runtime.errors import RuleError
from tests.support.tiny_project import commit
from tests.support.work_tree import run

STAGES = """
stages:
  train:
    foreach: ${recipes}
    do:
      cmd: mkdir -p models/${key} metrics/${key} && echo ${key} | tee models/${key}/weights metrics/${key}/a.csv
      deps: [table.csv]
      params:
      - recipes.${key}
      outs:
      - models/${key}
      - metrics/${key}/a.csv:
          cache: false
  report:
    cmd: ls metrics >report.md
    deps: [metrics]
    outs:
    - report.md: {cache: false}
plots:
- metrics/course/a.csv
- metrics/full/a.csv
"""


def set_recipes(folder, *names):
    (folder / "params.yaml").write_text(json.dumps({"recipes": {name: {"seed": 1} for name in names}}))


@pytest.fixture(scope="module")
def made(made_once, made_for_nights):
    """The project, trained and committed, in which `course` is no recipe any more. Not to be changed."""

    def make(folder):
        run(folder, "cp", "-r", f"{made_for_nights}/.", ".")
        (folder / "dvc.yaml").write_text(STAGES)
        (folder / "dvc.lock").unlink()
        set_recipes(folder, "course", "full")
        run(folder, "dvc", "repro", "--quiet")
        commit(folder)
        set_recipes(folder, "full")
        return folder

    return made_once("a project that drops a recipe", make)


@pytest.fixture
def dropped(made, tmp_path):
    run(tmp_path, "cp", "-r", f"{made}/.", ".")
    return tmp_path


def stages_of(folder):
    return list(YAML(typ="safe").load(folder / "dvc.lock")["stages"])


def test_what_would_go_is_shown_and_stays(made):
    before = (made / "dvc.lock").read_bytes()
    assert clean_up_dropped(Project.at(made), delete=False) == [
        "gc: dvc.yaml and params.yaml no longer have train@course",
        "stages in dvc.lock: 1 would go",
        "outputs: 2 would go",
        "  metrics/course/a.csv",
        "  models/course",
        "dvc.yaml still names them: take out line 20",
        "nothing was deleted: --delete does it",
    ]
    assert (made / "dvc.lock").read_bytes() == before
    assert (made / "models/course/weights").exists()


def test_nothing_is_left_of_a_dropped_recipe_and_the_report_does_not_read_of_it(dropped):
    entries = YAML(typ="safe").load(dropped / "dvc.lock")["stages"]
    words = clean_up_dropped(Project.at(dropped), delete=True)
    assert words[-1].startswith("next: dvc repro writes the report without them")
    kept = YAML(typ="safe").load(dropped / "dvc.lock")["stages"]
    assert kept == {name: entry for name, entry in entries.items() if name != "train@course"}
    assert not [path for path in dropped.rglob("*course*") if ".dvc" not in path.parts]
    run(dropped, "dvc", "repro", "--quiet")
    assert (dropped / "report.md").read_text() == "full\n"
    assert stages_of(dropped) == ["train@full", "report"]
    assert "up to date" in run(dropped, "dvc", "status")


def test_the_same_again_finds_nothing(dropped):
    clean_up_dropped(Project.at(dropped), delete=True)
    assert clean_up_dropped(Project.at(dropped), delete=True) == [
        "gc: no recipe has been dropped whose stages are still in dvc.lock"
    ]


def test_a_deletion_that_was_cut_short_goes_on(dropped):
    run(dropped, "rm", "-r", "models/course")
    assert find_leftovers(Project.at(dropped)) == Leftovers(("train@course",), ("metrics/course/a.csv",))
    clean_up_dropped(Project.at(dropped), delete=True)
    assert "train@course" not in stages_of(dropped)


def test_what_another_stage_reads_or_writes_stays(dropped):
    lock = (dropped / "dvc.lock").read_text()
    for path in ("models", "models/full/weights", "dvc.yaml", "metrics/full"):
        (dropped / "dvc.lock").write_text(lock.replace("path: models/course\n", f"path: {path}\n"))
        assert find_leftovers(Project.at(dropped)).outputs == ("metrics/course/a.csv",)


def test_an_output_that_leads_out_of_the_project_is_refused_and_nothing_is_deleted(dropped):
    (dropped / "models/full").rename(dropped.parent / "elsewhere")
    (dropped / "models/course/weights").unlink()
    (dropped / "models/course").rmdir()
    (dropped / "models/course").symlink_to(dropped.parent / "elsewhere")
    with pytest.raises(RuleError, match=r"models/course must stay in the project"):
        clean_up_dropped(Project.at(dropped), delete=True)
    assert (dropped / "metrics/course/a.csv").exists()


def test_a_project_that_has_never_run_has_nothing_to_clean_up(dropped):
    (dropped / "dvc.lock").unlink()
    assert find_leftovers(Project.at(dropped)) == Leftovers((), ())
