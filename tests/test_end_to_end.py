"""The whole pipeline in a copy of the repository, as a stranger would run it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def run(folder: Path, *command: str, code: int = 0) -> str:
    """Run a command in the folder with the environment's programs first; returns what it printed."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone in a folder with a space in its name, as the work tree is now, after its first `dvc repro`."""
    folder = tmp_path_factory.mktemp("end to end") / "a clone"
    files = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "config", "user.name", "test")
    run(folder, "git", "config", "user.email", "test@example.org")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "start")
    run(folder, "dvc", "repro")
    return folder


def test_a_run_from_nothing_leaves_the_committed_bytes(clone):
    assert run(clone, "git", "status", "--porcelain") == ""


def test_a_second_run_has_nothing_to_do(clone):
    assert "up to date" in run(clone, "dvc", "repro")


def test_a_changed_recipe_trains_only_itself(clone):
    planned = run(clone, "dvc", "exp", "run", "--dry", "--set-param", "recipes.course.epochs=3", "--name", "dry")
    assert "train@course" in planned
    assert "Running stage 'train@full'" not in planned
    run(clone, "git", "checkout", "--quiet", ".")


def test_the_results_are_printed_as_a_table(clone):
    table = run(clone, "python", "-m", "pipeline.results")
    assert "| **course** " in table
    assert "| **full** " in table


def test_the_course_beats_the_mean_and_full_beats_the_course(clone):
    course, full = (json.loads((clone / f"metrics/{name}.json").read_text()) for name in ("course", "full"))
    assert course["test_mse_usd2"] < course["test_mean_mse_usd2"]
    assert full["test_mse_usd2"] < course["test_mse_usd2"]


def test_metrics_params_and_plots_can_be_compared(clone):
    run(clone, "git", "commit", "--quiet", "--allow-empty", "--message", "second")
    for command in (("metrics", "diff"), ("params", "diff"), ("plots", "diff")):
        run(clone, "dvc", *command, "HEAD~1")
    assert "test_mse_usd2" in run(clone, "dvc", "metrics", "show")


def test_a_broken_table_fails_loudly_and_keeps_the_last_good_outputs_in_the_cache(clone):
    table = clone / "broken.csv"
    table.write_bytes((clone / "data/raw/salaries.csv").read_bytes() + b"2024,SE,FT,Data Scientist,1e5\r\n")
    lock = (clone / "dvc.lock").read_bytes()
    shown = run(clone, "dvc", "exp", "run", "--set-param", "data.path=broken.csv", code=255)
    assert "5 fields instead of 11" in shown
    run(clone, "git", "checkout", "--quiet", ".")
    assert (clone / "dvc.lock").read_bytes() == lock
    run(clone, "dvc", "checkout")
    assert "up to date" in run(clone, "dvc", "repro")
