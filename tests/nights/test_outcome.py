"""How nights end: the exit codes, in docs and in make."""

import re
import subprocess

import pytest

from pipeline.nights.outcome import NightOutcome
from tests.support.work_tree import ROOT


def test_the_page_has_every_exit_code_and_no_other():
    page = (ROOT / "docs/nights.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| (\d+) \| (\w+)", page, flags=re.MULTILINE))
    assert documented == {str(outcome.exit_code): outcome for outcome in NightOutcome}


def test_the_accepted_outcomes_are_those_with_a_new_champion():
    assert {outcome for outcome in NightOutcome if outcome.accepted} == {"promoted", "first", "incomparable", "forced"}


@pytest.mark.parametrize("outcome", NightOutcome)
def test_make_fails_if_somebody_should_look(tmp_path, outcome):
    recipe = re.search(r"^nightly:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe
    said = recipe[1].replace("python -m pipeline.nightly", f"(exit {outcome.exit_code})")
    (tmp_path / "Makefile").write_text(f"nightly:\n{said}")
    code = subprocess.run(["make", "nightly"], cwd=tmp_path, capture_output=True, check=False).returncode
    assert bool(code) == (outcome in ("rejected", "failed", "busy", "interrupted"))
