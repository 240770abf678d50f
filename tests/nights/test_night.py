"""Nights that cannot begin, and what they leave alone."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import params
from pipeline.nights.night import Night
from pipeline.nights.record import NightOutcome
from pipeline.repository.dvc_lock import Stage
from pipeline.repository.project import Project
from pipeline.repository.workspace import Workspace
from tests.support.night_project import DATE, change_settings, night, push_changes
from tests.support.tables import rows, table
from tests.support.tiny_project import git, state
from tests.support.work_tree import ROOT


@pytest.mark.soak
def test_uncommitted_work_elsewhere_stays_and_in_the_nights_files_is_refused(project):
    (project / "notes.txt").write_text("mine")
    (project / "train.sh").write_text("exit 1\n")
    assert night(project).outcome == NightOutcome.PROMOTED
    assert (project / "train.sh").read_text() == "exit 1\n"
    (project / "data/raw/salaries.csv").write_bytes(b"mine")
    result = night(project, table(rows(660)))
    assert result.outcome == NightOutcome.FAILED
    assert "must have no changes of your own" in result.message
    assert (project / "data/raw/salaries.csv").read_bytes() == b"mine"
    assert not (max((project / "runs").iterdir()) / "repro.log").exists()


def test_for_a_deleted_file_the_advice_is_the_command_that_brings_it_back(project):
    before = (project / "metrics/full.json").read_bytes()
    (project / "metrics/full.json").unlink()
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    fix = "; git checkout HEAD -- metrics/full.json brings back what is deleted"
    assert result.message.endswith(f"found  D metrics/full.json{fix}")
    git(project, "checkout", "HEAD", "--", "metrics/full.json")
    assert (project / "metrics/full.json").read_bytes() == before


def test_broken_settings_in_the_work_tree_name_the_way_back(project):
    (project / "params.yaml").write_text("nightly: {}\n")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert result.message.endswith("or git checkout -- params.yaml brings back the committed ones")


@pytest.mark.soak
def test_a_table_is_not_judged_again_for_the_same_settings_in_another_form(project):
    change_settings(project, drift__stop__rows_added=0.01)
    assert night(project).outcome == NightOutcome.REJECTED
    settings = YAML(typ="safe").load(project / "params.yaml")
    other_form = json.dumps(dict(reversed(settings.items())), indent=1)
    (project / "params.yaml").write_text(f"# the same\n{other_form}\n")
    push_changes(project, "another form")
    again = night(project)
    assert (again.outcome, again.record) == (NightOutcome.REJECTED, None)
    assert "still the table that was rejected" in again.message


def test_without_a_source_a_night_needs_nobody_and_says_how_to_name_one(project):
    change_settings(project, source=None)
    before = state(project)
    result = night(project)
    assert (result.outcome, result.outcome.exit_code) == (NightOutcome.NO_SOURCE, 22)
    assert "nightly.source is null in the commit. Name a URL or a path of a table in params.yaml" in result.message
    assert state(project) == before


GIB = 1 << 30


@pytest.mark.parametrize(("yesterdays", "set_to", "limit"), [(0, None, GIB), (GIB, None, 32 * GIB), (GIB, 5, 5)])
def test_a_table_may_have_a_gibibyte_or_many_times_yesterdays_or_what_the_settings_say(yesterdays, set_to, limit):
    settings = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").model_copy(
        update={"max_bytes": set_to}
    )
    prepare = params.load(params.Prepare, "prepare", file=ROOT / "params.yaml")
    project = Project(Path(), {})
    workspace = Workspace(project, project, "main", "", Path(), has_remote=False)
    stages = {"prepare": Stage({}, {}, {}, sizes={"table.csv": yesterdays}), "train": Stage({}, {}, {})}
    night = Night(workspace, Path(), DATE, None, settings, prepare, "table.csv", stages)
    assert night.max_bytes == limit


def test_a_table_that_nobody_would_get_is_refused(project):
    git(project, "rm", "--quiet", "--cached", "data/raw/salaries.csv")
    with (project / ".gitignore").open("a") as ignored:
        ignored.write("/data/raw\n")
    push_changes(project, "the table is nobody's")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "found data/raw/salaries.csv, which git ignores; dvc add data/raw/salaries.csv" in result.message


def test_a_damaged_lock_file_is_named(project):
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n  train: [oh\n")
    push_changes(project, "damage")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "dvc.lock must be as DVC wrote it" in result.message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "recipe: full",
            "recipe: best",
            "nightly.recipe must be the name of a recipe, one of course, full; found best; mend",
        ),
        (
            "path: data/raw/",
            "path: ../",
            "data.path must lie in the project, .*, found ../salaries.csv; name",
        ),
        (
            "path: data/raw/",
            "path: s3://raw/",
            r"data.path must lie in the project, .*, found s3://raw/salaries.csv; name .* \(nightly.source",
        ),
        ("raw/salaries.csv", "raw", "data.path must be one file, .*, found a folder, data/raw; name"),
        ("min_count: 2", "min_count: 0", "the settings must be right in the commit, .* prepare.min_count: .* found 0;"),
    ],
    ids=["a recipe that there is not", "a table outside", "a URL", "a folder", "an invalid value"],
)
def test_settings_that_a_night_cannot_work_with_are_named(project, old, new, words):
    text = (project / "params.yaml").read_text()
    assert old in text
    (project / "params.yaml").write_text(text.replace(old, new))
    push_changes(project, "settings")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert re.search(words, result.message.replace("\n", " ")), result.message
