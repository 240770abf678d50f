"""Where evaluate.single_rows is false, nothing of a single row is in git, in reports, or in what is told of a night.

Rows that one would know anywhere go through the stages and the nights, and what these leave is searched for them.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import evaluate, params, report
from pipeline.nights.night import QUOTES
from pipeline.nights.record import NightOutcome
from tests.support.models import make_bundle
from tests.support.night_project import TONIGHT, night, push_changes
from tests.support.pages import PAGES
from tests.support.recipes import make_recipe
from tests.support.reports import TABLES
from tests.support.skips import in_soak
from tests.support.tables import row, rows, table
from tests.support.tiny_project import git
from tests.support.work_tree import run

PEOPLE = [
    row(job_title=f"Zeppelin Captain {chr(65 + number)}", salary_in_usd=140_601 + number, employee_residence="IS")
    for number in range(9)
]
BROKEN = row(job_title="Zeppelin Captain Z", salary_in_usd="140654.5")
TRACES = re.compile(rb"zeppelin|captain|=IS\b|\"IS\"|(?<![\w.])1406\d\d\b", re.IGNORECASE)


def settings(single_rows):
    facts = {"min_slice_rows": 10, "single_rows": single_rows}
    fairness = {"max_bias_share": 0.05, "max_error_ratio": 1.25}
    return params.parse(params.Evaluate, {**facts, "fairness": fairness}, where="test")


def reported(folder, single_rows):
    """All that evaluate and report write of the prepared table, by path."""
    metrics = folder / f"metrics {single_rows}"
    paths = evaluate.Paths(
        model=folder / "model",
        prepared=folder / "prepared",
        table=folder / "raw.csv",
        metrics=metrics,
        plots=metrics / "plots/mine",
        card=metrics / "cards/mine.md",
    )
    evaluate.run("mine", paths, settings(single_rows), min_count=1)
    (metrics / "plots/mine/learning_curve.csv").write_text("epoch,train_mse,valid_mse\n1,0.9,0.8\n2,0.6,0.5\n")
    shutil.copy(folder / "prepare.json", metrics)
    report.run(
        {"mine": make_recipe()},
        metrics=metrics,
        data=folder / "raw.csv",
        lock=folder / "raw.csv",
        markdown=metrics / "report.md",
        page=metrics / "report.html",
    )
    return {str(file.relative_to(metrics)): file.read_bytes() for file in sorted(metrics.rglob("*.*"))}


def test_metrics_plots_cards_and_reports_tell_of_rows_only_where_they_may(stage):
    stage.run(table([*rows(600), *PEOPLE]))
    make_bundle(stage.out).save(stage.folder / "model")
    open_, closed = (reported(stage.folder, single_rows) for single_rows in (True, False))
    traces = {name for name, content in open_.items() if TRACES.search(content)}
    assert traces == {
        "plots/mine/predictions.csv",
        "plots/mine/fairness.csv",
        "report.md",
        "cards/mine.md",
        "report.html",
    }
    assert not [name for name, content in closed.items() if TRACES.search(content)]
    assert closed.keys() == open_.keys()
    plots = {name: content.split(b"\n")[0] for name, content in closed.items() if name.endswith(".csv")}
    assert len(plots) == len(TABLES)
    assert all(header.startswith(open_[name].split(b"\n")[0]) for name, header in plots.items())


def left_in_git(project: Path) -> set[str]:
    """What of HEAD has a trace: its message, and its files but for the table and the models that the project copies."""
    names = [name for name in git(project, "ls-files").splitlines() if not name.startswith(("data/", "bundles/"))]
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""
    texts = {name: (project / name).read_bytes() for name in names}
    texts["the message"] = git(project, "log", "-1", "--format=%B").encode()
    return {name for name, text in texts.items() if TRACES.search(text)}


def told(project: Path) -> bytes:
    return (project.parent / "told.json").read_bytes()


def set_up(project: Path, *, single_rows: bool) -> None:
    """Set the setting, let DVC have the table if git may not, and have the nights tell a file."""
    found = YAML(typ="safe").load(project / "params.yaml")
    found["evaluate"]["single_rows"] = single_rows
    found["nightly"]["notify"] |= {"command": ["sh", "-c", "cat >../told.json"]}
    YAML().dump(found, project / "params.yaml")
    if not single_rows:
        git(project, "rm", "--quiet", "--cached", "data/raw/salaries.csv")
        run(project, "dvc", "add", "--quiet", "data/raw/salaries.csv")
        run(project, "dvc", "push", "--quiet")
        git(project, "add", "--all")
    push_changes(project, "other settings")


@pytest.mark.soak
@pytest.mark.parametrize("single_rows", [False, True])
def test_nights_tell_of_rows_only_where_they_may(project, single_rows):
    set_up(project, single_rows=single_rows)
    rejected = night(project, TONIGHT + f"{BROKEN}\n".encode())
    assert rejected.outcome == NightOutcome.REJECTED
    everywhere = {"metrics/nightly.json", "metrics/nightly.md", "metrics/nights.html", "the message"}
    assert left_in_git(project) == (everywhere if single_rows else set())
    assert bool(TRACES.search(told(project))) == bool(TRACES.search(rejected.message.encode())) == single_rows
    quotes = [file.read_bytes() for file in (project / "runs").glob(f"*/{QUOTES}")]
    assert [bool(TRACES.search(text)) for text in quotes] == ([] if single_rows else [True])

    accepted = night(project, TONIGHT + "".join(f"{line}\n" for line in PEOPLE).encode())
    assert accepted.outcome.accepted, accepted.message
    assert left_in_git(project) == ({"metrics/reference.json"} if single_rows else set())
    assert not TRACES.search(told(project))
    reference = json.loads((project / "metrics/reference.json").read_text())["table"]["categories"]
    assert ("(rarer)" in reference["job_title"]) != single_rows


def test_a_night_does_not_put_a_table_into_git_whose_rows_may_not_be_there(project):
    settings = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(settings.replace("single_rows: true", "single_rows: false"))
    push_changes(project, "other settings")
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "must be kept by DVC and not by git where evaluate.single_rows is false" in result.message
    assert "dvc add data/raw/salaries.csv" in result.message


FORGOTTEN = "a row that is to be forgotten"


def holders(folder: Path) -> set[str]:
    """The files below the folder that hold the row, and the repositories of git of which an object does."""
    plain = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and holds(file.read_bytes())}
    return plain | {name for name in ("user", "upstream.git") if holds(all_objects(folder / name))}


def all_objects(repository: Path) -> bytes:
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout


def holds(content: bytes) -> bool:
    return FORGOTTEN.encode() in content


@pytest.mark.parametrize("by_dvc", [False, *in_soak(True)])
def test_a_deleted_row_is_nowhere_after_the_documented_commands(user, by_dvc):
    forget, forget_in_git = PAGES["docs/privacy.md"].blocks("bash")
    if by_dvc:
        git(user, "rm", "--quiet", "--cached", "table.csv")
        run(user, "dvc", "add", "--quiet", "table.csv")
    (user / "table.csv").write_text(f"a\n1\n{FORGOTTEN}\n")
    run(user, "dvc", "repro", "--quiet")
    git(user, "add", "--all")
    git(user, "commit", "--quiet", "--message", "a night")
    git(user, "tag", "nightly-2026-01-31")
    git(user, "push", "--quiet", "--tags", "origin", "main")
    run(user, "dvc", "push", "--quiet")
    (user / "runs/a night").mkdir(parents=True)
    (user / "runs/a night/rejected.csv").write_text(FORGOTTEN)
    assert {name.split("/")[0] for name in holders(user.parent)} >= {"user", "remote"}

    (user / "table.csv").write_text("a\n1\n")
    run(user, "bash", "-e", "-c", forget)
    assert holders(user.parent) == (set() if by_dvc else {"user", "upstream.git"})
    assert git(user, "status", "--porcelain") == ""
    assert "up to date" in run(user, "dvc", "status")
    if not by_dvc:
        run(user, "bash", "-e", "-c", forget_in_git)
        git(user.parent / "upstream.git", "gc", "--quiet", "--prune=now")
        assert holders(user.parent) == set()
        assert git(user, "rev-list", "--count", "--all") == "1"
