"""Experiments with DVC's own commands: what they change is what one asked for."""

import difflib
import json
import shutil
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides  # type: ignore[import-untyped]

from pipeline import params
from pipeline.reporting.run_results import HEADLINE
from tests.support.work_tree import ROOT, run

SETTINGS = ("params.yaml", "tests/support/flats/params.yaml")
COMMENTS = "# of mine\nrecipes:\n  # whose\n  course:  # the loop\n"


def changed_lines(before: str, after: str) -> list[str]:
    """The lines that differ, as diff marks them."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line.startswith(("-", "+"))]


@pytest.mark.parametrize("file", SETTINGS)
@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("recipes.full.epochs=3", "    epochs: 3"),
        ("recipes.full.patience=3", "    patience: 3"),
        ("nightly.gate.max_over_mean=null", "    max_over_mean:"),
        ("recipes.course.network.hidden=[16,4]", "      - 4"),
    ],
)
def test_an_experiment_changes_the_line_of_its_setting_and_no_other(tmp_path, file, override, line):
    shutil.copyfile(ROOT / file, tmp_path / "params.yaml")
    apply_overrides(tmp_path / "params.yaml", [override])  # what dvc exp run -S calls
    old, new = changed_lines((ROOT / file).read_text(), (tmp_path / "params.yaml").read_text())
    assert (old[:2], new) == ("- ", f"+ {line}")


def test_an_experiment_leaves_comments_where_they_are(tmp_path):
    before = (ROOT / "params.yaml").read_text().replace("recipes:\n  course:\n", COMMENTS)
    assert COMMENTS in before
    (tmp_path / "params.yaml").write_text(before)
    apply_overrides(tmp_path / "params.yaml", ["recipes.course.epochs=3"])
    assert len(changed_lines(before, (tmp_path / "params.yaml").read_text())) == 2


def test_dvc_shows_the_headline_of_each_recipe_and_nothing_else(trained):
    shown = json.loads(run(trained, "dvc", "metrics", "show", "--json"))[""]["data"]
    recipes = {Path(path).stem: set(metrics["data"]) for path, metrics in shown.items()}
    assert recipes == {name: set(HEADLINE) for name in params.recipe_names(ROOT / "params.yaml")}


def test_metrics_fit_a_terminal_of_120_columns_line_by_line(trained):
    lines = run(trained, "dvc", "metrics", "diff", "--all", "HEAD").splitlines()
    assert len(lines) == 1 + len(HEADLINE) * len(params.recipe_names(ROOT / "params.yaml"))
    assert max(map(len, lines)) <= 120
