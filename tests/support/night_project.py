"""A small project that nights can be spent in: real data, models and gate; its training just copies a model."""

import csv
import datetime
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import psutil  # type: ignore[import-untyped]
from ruamel.yaml import YAML

from pipeline.model.bundle import Bundle
from pipeline.nights.night import NightResult
from pipeline.nights.run import run_night
from pipeline.repository.dvc_lock import md5_of
from pipeline.repository.project import Project
from tests.support.models import with_weights
from tests.support.processes import started
from tests.support.tables import row, rows, table
from tests.support.tiny_project import CONFIG, git
from tests.support.work_tree import ROOT, run

DATE = datetime.date(2026, 1, 31)
STAGES = """
stages:
  train:
    cmd: exec sh train.sh
    deps: [bundles, data/raw/salaries.csv, train.sh]
    params: [prepare]
    outs: [models/full]
    metrics: [metrics/full.json: {cache: false}]
"""
TRAIN = """set -e
model=good
if grep -q 'Bad Model' data/raw/salaries.csv; then model=bad; fi
mkdir -p models metrics
cp -r bundles/$model models/full
wc -l <data/raw/salaries.csv >models/full/rows.txt
cp models/full/rows.txt metrics/full.json
"""
RECORD = {"metrics/history.csv", "metrics/nightly.json", "metrics/nightly.md", "metrics/nights.html"}
FIRST_RECORD = {*RECORD, "metrics/anchor.json", "metrics/reference.json"}
"""What the first night that is accepted writes besides its outputs."""
YESTERDAY = table(rows(600))
TONIGHT = table(rows(640))
WORSE = table([*rows(600), *(row(job_title="Bad Model", salary_in_usd=50_000 + number) for number in range(40))])


def make_night_project(folder: Path, model: Path) -> Path:
    """In the folder: the project `user`, trained and pushed; its upstream, its DVC remote, and its source beside it."""
    user = folder / "user"
    (user / "data/raw").mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "upstream.git")
    git(user, "init", "--quiet", "--initial-branch=main")
    run(user, "dvc", "init", "--quiet")
    (user / ".dvc/config").write_text(CONFIG)
    (folder / "remote").mkdir()
    good = Bundle.load(model)
    good.save(user / "bundles/good")
    with_weights(good, lambda name, weight: weight + (name == "output.bias")).save(user / "bundles/bad")
    (user / "dvc.yaml").write_text(STAGES)
    (user / "train.sh").write_text(TRAIN)
    (user / ".gitignore").write_text("/models\n/runs\n/.cache\n")
    (user / "data/raw/salaries.csv").write_bytes(YESTERDAY)
    (folder / "source.csv").write_bytes(TONIGHT)
    settings = YAML(typ="safe").load(ROOT / "params.yaml")
    settings["nightly"] |= {"source": "../source.csv", "tries": 1}
    settings["nightly"]["gate"] |= {"max_over_mean": 3.0}
    YAML().dump(settings, user / "params.yaml")
    run(user, "dvc", "repro", "--quiet")
    run(user, "dvc", "push", "--quiet")
    git(user, "add", "--all")
    git(user, "commit", "--quiet", "--message", "start")
    git(user, "remote", "add", "origin", "../upstream.git")
    git(user, "push", "--quiet", "--set-upstream", "origin", "main")
    return user


def night(
    user: Path, source: bytes | None = None, *, date: datetime.date = DATE, force_reason: str | None = None
) -> NightResult:
    """Spend a night in the project, with these bytes at its source."""
    if source is not None:
        (user.parent / "source.csv").write_bytes(source)
    return run_night(Project.at(user), date=date, force_reason=force_reason)


def push_changes(user: Path, message: str) -> None:
    """Commit all changes of files that git knows, and push."""
    git(user, "commit", "--quiet", "--all", "--message", message)
    git(user, "push", "--quiet")


def change_settings(user: Path, **changes: object) -> None:
    """Commit and push other settings of the night, by their names below `nightly:`."""
    settings = YAML(typ="safe").load(user / "params.yaml")
    for path, value in changes.items():
        section = settings["nightly"]
        *keys, name = path.split("__")
        for key in keys:
            section = section[key]
        section[name] = value
    YAML().dump(settings, user / "params.yaml")
    push_changes(user, "other settings")


def committed(user: Path, commit: str = "HEAD") -> set[str]:
    """The files that a commit has changed."""
    return set(git(user, "diff-tree", "--no-commit-id", "--name-only", "-r", commit).splitlines())


def history(user: Path) -> list[dict[str, str]]:
    """The lines of the nights' history."""
    return list(csv.DictReader((user / "metrics/history.csv").read_text().splitlines()))


def log_of(user: Path) -> Any:
    """What the last night has left in its run's folder."""
    return json.loads((max((user / "runs").iterdir()) / "night.json").read_text())


def kill_a_night(user: Path, *, draw: Random) -> None:
    """Start tonight's night, and kill it, or a process below it, at a moment that is drawn."""
    with started(user, sys.executable, "-m", "pipeline.nightly", "--date", str(DATE)) as process:
        time.sleep(draw.uniform(1.5, 12))
        try:
            below = psutil.Process(process.pid).children(recursive=True)
            draw.choice([psutil.Process(process.pid), *below]).kill()
        except psutil.NoSuchProcess:
            return  # it was faster
        process.wait()


def outcome(user: Path) -> dict[str, str]:
    """All that the nights so far have published: branches and tags here and upstream, and the models' bytes."""
    model = "".join(f"{file.name} {md5_of(file)}\n" for file in sorted((user / "models/full").iterdir()))
    upstream = git(user.parent / "upstream.git", "for-each-ref")
    return {
        "here": git(user, "for-each-ref"),
        "upstream": upstream,
        "model": model,
        "HEAD": git(user, "rev-parse", "HEAD"),
    }
