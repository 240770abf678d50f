"""The tiny project of tests/support/tiny_project.py after some nights: accepted and kept ones."""

import json
import shutil
from pathlib import Path

from pipeline.repository.dvc_lock import outputs, read_lock
from tests.support.settings import write_settings
from tests.support.tiny_project import git
from tests.support.work_tree import run

STAGES = """
stages:
  train:
    cmd: >-
      mkdir -p models metrics/plots && cat table.csv code.txt >models/weights
      && wc -c <models/weights >metrics/score.txt && cp table.csv metrics/plots/$(wc -l <table.csv).csv
    deps: [code.txt, table.csv]
    outs: [models]
    metrics: [metrics/score.txt: {cache: false}]
"""
COLUMNS = "date,decision,tag,table_md5,rows"
RECORD = tuple(
    f"metrics/{name}" for name in ("history.csv", "nightly.json", "nightly.md", "nights.html", "reference.json")
)
OPERATOR = "An Operator"  # by the settings of the project's repository
SPLIT = {"salt": "v1", "valid_fraction": 0.2, "test_fraction": 0.2}
FIRST, SECOND = "nightly-2026-01-02", "nightly-2026-01-04"


def night(user: Path, date: str, *, table: str | None = None, tag: str | None = None) -> str:
    """A night as it is in git: with the table an accepted one, without one that was not; returns the commit."""
    for name in RECORD:
        with (user / name).open("a") as record:
            record.write(f"{date}\n")
    if table:
        shutil.rmtree(user / "metrics/plots", ignore_errors=True)
        (user / "table.csv").write_text(table)
        run(user, "dvc", "repro", "--quiet")
        facts = {"model_md5": outputs(read_lock(user / "dvc.lock"))["models"], "split": SPLIT}
        (user / "metrics/anchor.json").write_text(json.dumps(facts))
    git(user, "add", "--all")
    at = f"{date}T00:00:00+0000"
    run(user, "env", f"GIT_AUTHOR_DATE={at}", f"GIT_COMMITTER_DATE={at}", "git", "commit", "--quiet", "-m", date)
    if tag:
        git(user, "tag", "--annotate", "--message", date, tag)
    return git(user, "rev-parse", "HEAD")


def make_past(made: Path, folder: Path) -> Path:
    """In the folder, from the tiny project: five nights. The first and the last were kept, the others accepted.

    The table of 2026-01-02 has 2 lines, that of 2026-01-03 has 3, that of 2026-01-04 has 4. The middle one has lost its
    tag.
    """
    user = Path(shutil.copytree(made.parent, folder / "in", symlinks=True)) / "user"
    git(user, "config", "user.name", OPERATOR)
    git(user, "config", "user.email", "operator@a.example")
    (user / "metrics").mkdir()
    (user / RECORD[0]).write_text(f"{COLUMNS}\n")
    (user / "dvc.yaml").write_text(STAGES)
    write_settings(user, data={"path": "table.csv"})
    (user / ".gitignore").write_text("/models\n/runs\n/.cache\n")
    (user / "dvc.lock").unlink()
    git(user, "rm", "--quiet", "metrics.txt", "history.csv")
    night(user, "2026-01-01")
    night(user, "2026-01-02", table="a\n1\n", tag=FIRST)
    night(user, "2026-01-03", table="a\n1\n2\n")
    night(user, "2026-01-04", table="a\n1\n2\n3\n", tag=SECOND)
    night(user, "2026-01-05")
    git(user, "push", "--quiet")
    return user
