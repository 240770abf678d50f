"""Every benchmark that is run says what it measures, and which page shows it."""

import importlib
import sys

import pytest

from tests.support.work_tree import ROOT

NAMES = sorted(file.stem for file in (ROOT / "benchmarks").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_explains_itself(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"benchmarks.{name}").main()
    assert "docs/" in capsys.readouterr().out
