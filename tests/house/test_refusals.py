"""What a user may give to make: wrong settings are refused before DVC starts, and no text of theirs is ever run."""

import pytest

from pipeline import check, params
from pipeline.runtime.command import GO_BACK
from tests.runtime.test_yaml_files import BOMB
from tests.support.skips import in_soak
from tests.support.work_tree import copy_of_the_work_tree, run

TOUCH = "x'$(touch PWN)`touch PWN`"
MAKE = ("make", "--old-file", ".venv/run.stamp")  # the tests have an environment


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A fresh clone. Its params.yaml is put back after each test."""
    return copy_of_the_work_tree(tmp_path_factory.mktemp("a project"))


@pytest.fixture
def settings(project):
    """The project's params.yaml."""
    file = project / "params.yaml"
    before = file.read_bytes()
    yield file
    file.write_bytes(before)


WRONG = {
    "a URL of another kind": (
        "path: data/raw/salaries.csv",
        "path: ftp://example.org/a.csv",
        "data.path: the URL of a raw table must begin with s3://, gs://, https:// or http:// and have no password",
    ),
    "no table": (
        "salaries.csv",
        "salary.csv",
        "data.path must be a file or a folder; found none, data/raw/salary.csv; name another",
    ),
    "a pattern": (
        "salaries.csv",
        "*.csv",
        "data.path must be a file or a folder; found a pattern, data/raw/*.csv; put the tables into a folder",
    ),
    "a misspelt key": ("tries: 3", "trys: 3", "nightly.trys: no such setting; found 3; did you mean tries?"),
    "a misspelt feature": ("- job_title", "- job_titel", 'found "job_titel"; did you mean job_title?'),
    "no recipes": ("recipes:", "recipe:", "recipe: no such setting; found {"),
    "a dot": ("  course:", "  course.2:", "recipes.course.2: a recipe's name must be a letter, then letters, digits"),
    "a path": ("  course:", "  ../../course:", "recipes.../../course: a recipe's name must be a letter, then letters"),
    "a command": ("  course:", f'  "{TOUCH}":', "a recipe's name must be a letter, then letters, digits, _ and -"),
    "a bomb": ("data:", f"{BOMB}data:", "must be YAML 1.2: line 2: *a0 stands for another part of the file"),
}


def make_mistake(settings, mistake):
    """Write it into the settings; returns the words that must be said of it."""
    old, new, words = WRONG[mistake]
    text = settings.read_text(encoding="utf-8")
    assert old in text
    settings.write_text(text.replace(old, new, 1), encoding="utf-8")
    return words


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_settings_are_named_with_the_remedy(project, settings, mistake, monkeypatch, capsys):
    monkeypatch.chdir(project)
    monkeypatch.setattr(params, "__file__", str(project / "pipeline/params.py"))
    words = make_mistake(settings, mistake)
    with pytest.raises(SystemExit, match="1"):
        check.main([])
    assert words in capsys.readouterr().err


def test_make_repro_refuses_wrong_settings_before_dvc_starts(project, settings):
    words = make_mistake(settings, "a command")
    shown = run(project, *MAKE, "repro", code=2)
    assert shown.startswith("check: params.yaml")
    assert words in shown
    assert f"\nNothing has run. Once this is mended, make repro goes on; or {GO_BACK}\n" in shown
    assert run(project, "git", "status", "--porcelain") == " M params.yaml\n"


def test_make_repro_says_how_missing_settings_come_back(project, settings):
    settings.unlink()
    shown = run(project, *MAKE, "repro", code=2)
    run(project, *shown.split("bring back the last commit's: ")[1].split("\n")[0].split())
    assert run(project, "git", "status", "--porcelain") == ""


NO_FOLDER = "{value}: must be a folder of tables"
NOT_A_TAG = "the tag '{value}' must be that of an accepted night"
NOT_A_NUMBER = "--nights: must be a whole number of 1 or more, such as 10, found {value!r}"


@pytest.mark.parametrize(
    "value", ["x$(shell touch PWN)'; touch PWN; '", *in_soak('x$(touch PWN)`touch PWN`"; touch PWN; "')]
)
@pytest.mark.parametrize(
    ("before", "target", "refusal"),
    [
        ((), "replay SNAPSHOTS", NO_FOLDER),
        ((), "tune SNAPSHOTS", NO_FOLDER),
        ((), "rollback TO", NOT_A_TAG),
        (("env",), "rollback TO", NOT_A_TAG),
        ((), "gc NIGHTS", NOT_A_NUMBER),
        (("env",), "gc NIGHTS", NOT_A_NUMBER),
    ],
)
def test_what_a_user_gives_to_make_reaches_the_command_as_it_is_and_runs_nothing(
    project, value, before, target, refusal
):
    target, name = target.split()
    variable = f"{name}={value}"
    shown = run(project, *((*before, variable, *MAKE, target) if before else (*MAKE, target, variable)), code=2)
    assert refusal.format(value=value) in shown
    assert run(project, "git", "status", "--porcelain") == ""


def test_only_yes_deletes_and_nothing_else_is_run(project):
    shown = run(project, *MAKE, "gc", "DELETE=$(shell touch PWN)yes")
    assert "would go" in shown
    assert run(project, "git", "status", "--porcelain") == ""
