"""The whole pipeline in a copy of the repository, as a stranger would run it."""

import os
import re
import signal
import sys

import pytest

from pipeline.reporting.run_results import read_metrics
from tests.support.processes import ended, stages_running_in, started, until, wait_for
from tests.support.skips import reason
from tests.support.work_tree import run


def test_a_run_from_nothing_leaves_the_committed_bytes(clone):
    assert run(clone, "git", "status", "--porcelain") == ""


def test_a_second_run_has_nothing_to_do(clone):
    assert "up to date" in run(clone, "dvc", "repro")


def test_a_changed_recipe_trains_only_itself(clone):
    params = clone / "params.yaml"
    params.write_text(params.read_text().replace("epochs: 20\n    patience: 5", "epochs: 1\n    patience: 5"))
    planned = run(clone, "dvc", "repro", "--dry")
    assert "Running stage 'train@course'" in planned
    assert "Stage 'train@full' didn't change" in planned
    assert "Stage 'prepare' didn't change" in planned


@pytest.mark.soak
def test_a_new_recipe_needs_nothing_but_its_settings(clone):
    params = clone / "params.yaml"
    course = params.read_text().split("  course:\n")[1].split("\n  full:")[0]
    params.write_text(params.read_text() + "\n  mine:\n" + course.replace("epochs: 20", "epochs: 1"))
    run(clone, "dvc", "repro")
    assert "| **mine**" in run(clone, "python", "-m", "pipeline.results")
    assert "\n## mine\n" in (clone / "metrics/report.md").read_text()
    assert "models/mine" not in run(clone, "git", "status", "--porcelain", "--untracked-files=all")


def test_a_recipe_that_is_dropped_leaves_the_results_and_its_files_disturb_nobody(clone):
    params = clone / "params.yaml"
    before, _, full = re.split(r"(?m)^  (?=course:|full:)", params.read_text())
    params.write_text(f"{before}  {full}")
    (clone / "metrics/recipes/course.json").write_text("half a li")
    run(clone, "dvc", "repro")
    assert "course" not in run(clone, "python", "-m", "pipeline.results")
    assert "\n## full\n" in (clone / "metrics/report.md").read_text()
    assert "course" not in (clone / "metrics/report.md").read_text()
    assert "up to date" in run(clone, "dvc", "repro")


def test_the_course_beats_the_mean_and_full_beats_the_course(clone):
    course, full = (read_metrics(clone / "metrics", name) for name in ("course", "full"))
    assert course["test_mse_usd2"] < course["test_mean_mse_usd2"]
    assert full["test_mse_usd2"] < course["test_mse_usd2"]


@pytest.mark.soak
def test_a_broken_table_fails_loudly_and_the_last_good_outputs_come_back(clone):
    (clone / "broken.csv").write_bytes((clone / "data/raw/salaries.csv").read_bytes() + b"2024,SE,FT,Analyst,1e5\r\n")
    shown = run(clone, "dvc", "exp", "run", "--set-param", "data.path=broken.csv", code=255)
    assert "1 of 4001 rows break the data contract" in shown
    assert "line 4002: found '2024,SE,FT,Analyst,1e5'" in shown
    assert (clone / "data/contract-report.txt").is_file()
    run(clone, "git", "checkout", "--quiet", ".")
    run(clone, "dvc", "checkout")
    assert "up to date" in run(clone, "dvc", "repro")


def test_a_column_that_leaks_the_target_is_no_feature(clone):
    params = clone / "params.yaml"
    params.write_text(params.read_text().replace("features:\n", "features:\n    - salary\n", 1))
    shown = run(clone, "dvc", "repro", "train@course", code=255)
    rule = "must be a feature of the data contract, one of work_year, experience_level, employment_type, job_title, "
    assert f"train course: params.yaml: recipes.course.features.0 {rule}" in shown
    assert '; found "salary"' in shown
    assert "course epoch" not in shown


@pytest.mark.soak
def test_a_vocabulary_and_scaling_of_all_rows_fail_the_run(clone):
    code = clone / "pipeline/data/part_check.py"
    chosen = 'np.flatnonzero(splits == SPLITS.index("train"))'
    assert chosen in code.read_text()
    code.write_text(code.read_text().replace(chosen, "np.arange(len(hashes))"))
    shown = run(clone, "dvc", "repro", "evaluate@course", code=255)
    assert "evaluate course: leak: the scaling's center must be that of the training rows" in shown


@pytest.mark.skipif(
    sys.platform != "linux", reason=reason("only Linux ends a child with its parent", to_run="make test on Linux")
)
def test_a_killed_run_leaves_no_training_behind(clone):
    params = clone / "params.yaml"
    params.write_text(params.read_text().replace("epochs: 20\n    patience: 5", "epochs: 100000\n    patience:"))
    with started(clone, "dvc", "repro", "train@course") as dvc:
        wait_for(dvc, "course epoch 2/")
        dvc.send_signal(signal.SIGKILL)
        dvc.wait()
        until(lambda: not stages_running_in(clone))


@pytest.mark.soak
def test_a_run_ends_with_ctrl_c_and_the_next_one_with_the_same_bytes(clone):
    weights = clone / "models/course/weights.safetensors"
    expected = weights.read_bytes()
    command = ["dvc", "repro", "--force", "--no-run-cache", "--single-item", "train@course"]
    with started(clone, *command) as dvc:
        wait_for(dvc, "course epoch 2/")
        os.killpg(dvc.pid, signal.SIGINT)  # as a terminal does
        code, shown = ended(dvc)
    assert code != 0
    assert "train course: interrupted; dvc repro goes on from the last epoch's end" in shown
    assert not stages_running_in(clone)
    assert weights.read_bytes() == expected
    assert len(list((clone / ".cache/checkpoints").iterdir())) == 1
    assert "going on after epoch" in run(clone, *command)
    assert weights.read_bytes() == expected
    assert run(clone, "git", "status", "--porcelain") == ""
