"""What a machine lacks is no secret: every skip says what would run it, and the last lines of a run repeat it."""

import ast

from tests.support.work_tree import ROOT

pytest_plugins = ["pytester"]
FILES = sorted((ROOT / "tests").rglob("*.py"))
TESTS = """
import pytest
from tests.support.skips import reason

lacks_a = pytest.mark.skipif(True, reason=reason("no a", to_run="install a"))

@lacks_a
def test_one(): pass

@lacks_a
def test_two(): pass

@pytest.fixture
def b(): pytest.skip(reason("no b", to_run="install b"))

def test_three(b): pass

def test_four(): pass
"""


def skips(file):
    """The reasons given to pytest in the file, as expressions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            *("pytest.skip", "pytest.mark.skipif", "pytest.mark.skip", "pytest.importorskip"),
        ):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            yield next(iter([*given, *node.args[:1]]), None)


def test_every_skip_says_what_would_run_it():
    found = [(file.name, reason) for file in FILES for reason in skips(file)]
    assert len(found) > 5
    assert not [
        (name, reason and ast.unparse(reason))
        for name, reason in found
        if not (isinstance(reason, ast.Call) and ast.unparse(reason.func) == "reason")
    ]


def test_the_last_lines_of_a_run_say_what_was_skipped_and_what_would_run_it(pytester):
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile(TESTS)
    lines = pytester.runpytest("-p", "no:cacheprovider").outlines
    assert lines[-3:-1] == ["skipped 2: no a; to run it: install a", "skipped 1: no b; to run it: install b"]
    assert "1 passed, 3 skipped" in lines[-1]


def test_a_run_without_skips_says_nothing_of_them(pytester):
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile("def test_one(): pass")
    assert "skipped" not in str(pytester.runpytest("-p", "no:cacheprovider").stdout)
