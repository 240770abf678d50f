"""Nights that cannot begin, and what they leave alone."""

import re

import pytest

from pipeline.nights.record import NightOutcome
from tests.support.night_project import night, push_changes
from tests.support.tables import rows, table
from tests.support.tiny_project import git


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
        ("min_count: 2", "min_count: 0", "the settings must be right in the commit, .* prepare.min_count: .* found 0;"),
    ],
    ids=["a recipe that there is not", "a table outside", "an invalid value"],
)
def test_settings_that_a_night_cannot_work_with_are_named(project, old, new, words):
    text = (project / "params.yaml").read_text()
    assert old in text
    (project / "params.yaml").write_text(text.replace(old, new))
    push_changes(project, "settings")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert re.search(words, result.message.replace("\n", " ")), result.message
