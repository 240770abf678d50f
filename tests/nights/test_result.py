"""How nights end: the exit codes, in docs and in make."""

import re
import subprocess

import pytest

from pipeline.nights.result import ACCEPTED, ENDINGS, Ending
from tests.support.work_tree import ROOT


def test_the_page_has_every_exit_code_and_no_other():
    page = (ROOT / "docs/nights.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| (\d+) \| (\w+)", page, flags=re.MULTILINE))
    assert documented == {str(int(ending)): ending.name.lower() for ending in Ending}


def test_what_is_accepted_is_all_that_a_decision_can_promote():
    assert {decision for decision, ending in ENDINGS.items() if ending not in ACCEPTED} == {"kept", "rejected"}


@pytest.mark.parametrize("ending", Ending)
def test_make_fails_if_somebody_should_look(tmp_path, ending):
    recipe = re.search(r"^nightly:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe
    said = recipe[1].replace("python -m pipeline.nightly", f"(exit {ending})")
    (tmp_path / "Makefile").write_text(f"nightly:\n{said}")
    code = subprocess.run(["make", "nightly"], cwd=tmp_path, capture_output=True, check=False).returncode
    assert bool(code) == (ending >= Ending.REJECTED)
