"""Experiments with DVC's own commands: what they change is what one asked for."""

import difflib
import shutil

import pytest
from dvc.utils.hydra import apply_overrides  # type: ignore[import-untyped]

from tests.support.work_tree import ROOT

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
