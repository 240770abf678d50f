"""The one program: its help, its completion, and that it installs and predicts away from the project."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest

from pipeline import __main__ as program
from pipeline.inference.answers import ANSWERS
from pipeline.runtime.arguments import PROGRAM
from tests.support.code import MODULES
from tests.support.settings import write_settings
from tests.support.tables import rows, table
from tests.support.work_tree import copy_of_the_work_tree

STAGES = {"prepare", "train", "evaluate", "report"}
RUN = {name for name in MODULES if "." not in name} - {"__init__", "__main__", "params"}


def test_every_command_but_the_stages_is_one_of_the_program():
    assert set(program.COMMANDS) == RUN - STAGES


def test_help_lists_the_commands_by_group_with_a_sentence_of_each(capsys):
    with pytest.raises(SystemExit, match="0"):
        program.main(["--help"])
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) < 81
    for name in program.COMMANDS:
        assert re.search(rf"^  {name} +[A-Z]", told, re.MULTILINE), name
    assert all(f"\n{group}:\n" in told for group in program.GROUPS)
    assert "\nexit codes:\n  0    done\n" in told


@pytest.mark.parametrize("name", sorted(RUN))
def test_help_is_help_and_shows_what_one_types(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where nothing else would succeed
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"pipeline.{name}").main(["--help"])
    told = capsys.readouterr().out
    assert told.startswith(f"usage: {PROGRAM} {name} ")
    assert "\nexit codes:\n  0    " in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("started", "typed"),
    [
        ("/anywhere/bin/salary-pipeline", "salary-pipeline explain"),
        ("/anywhere/pipeline/__main__.py", "python -m pipeline explain"),
        ("/anywhere/pipeline/explain.py", "python -m pipeline.explain"),
    ],
)
def test_the_help_and_its_examples_name_the_command_as_it_was_called(started, typed, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [started])
    with pytest.raises(SystemExit, match="0"):
        program.main(["explain", "--help"])
    told = capsys.readouterr().out
    assert told.startswith(f"usage: {typed} [-h] --model MODEL --row ROW\n")
    assert f"\nexamples:\n  {typed} --model models/full --row '" in told


@pytest.mark.parametrize(
    "line",
    [
        "check",
        "gc --dropped",
        "gc --nights 3",
        "replay . --out out",
        "results",
        "rollback nightly-2026-01-31",
        "tune . --out out",
        "versions",
    ],
)
def test_outside_of_a_project_a_command_that_needs_one_says_so_and_leaves_nothing(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        program.main(line.split())
    assert ended.value.code == 1
    assert "is missing: run from the project's folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["nightly", "replay . --out out", "rollback nightly-2026-01-31", "verify"])
def test_without_dvc_it_says_how_to_get_it(line, tmp_path, monkeypatch, capsys):
    write_settings(tmp_path)
    (tmp_path / "weekly_2026-01-31.csv").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "dvc" else name)
    with pytest.raises(SystemExit):
        program.main(line.split())
    assert "needs dvc; found no dvc; python -m pip install 'salary-pipeline[pipeline]'" in capsys.readouterr().err


def test_another_command_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        program.main(["predic"])
    assert "invalid choice: 'predic'" in capsys.readouterr().err


def test_without_a_command_all_are_listed(capsys):
    program.main([])
    listed = capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        program.main(["--help"])
    assert listed == capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_completion_knows_the_commands_and_their_arguments(shell, capsys):
    program.main(["--completion", shell])
    script = capsys.readouterr().out
    assert all(name in script for name in program.COMMANDS)
    assert "--max-bad-fraction" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_without_torch_a_command_that_trains_says_how_to_get_it_and_is_not_completed(monkeypatch, capsys):
    imported = importlib.import_module

    def without_torch(name):
        if name == "pipeline.tune":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return imported(name)

    monkeypatch.setattr(importlib, "import_module", without_torch)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(SystemExit, match="1"):
        program.main(["tune", "weekly", "--out", "tune"])
    told = "tune: salary-pipeline needs torch; found no torch; python -m pip install 'salary-pipeline[pipeline]'\n"
    assert capsys.readouterr().err == told
    program.main(["--completion", "bash"])
    assert "--max-bad-fraction" in (script := capsys.readouterr().out)
    assert "_tune_" not in script


def test_the_package_installs_and_predicts_away_from_the_project_alone(modelled, tmp_path):
    """Into a folder of its own, from the files that git has; no package can be imported there that trains."""
    copy_of_the_work_tree(tmp_path / "project")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", "site"]
    subprocess.run([sys.executable, "-m", "pip", *install, "./project"], cwd=tmp_path, check=True)
    assert {path.name for path in (tmp_path / "site/pipeline").iterdir()} >= {"py.typed", "__init__.pyi", "model"}
    shutil.rmtree(tmp_path / "project")
    for package in ("dvc", "pandera", "torch"):
        (tmp_path / f"site/{package}.py").write_text(f"raise ImportError('predicting needs no {package}')")
    (tmp_path / "new.csv").write_bytes(table(rows(3)))
    command = [
        tmp_path / "site/bin" / PROGRAM,
        "predict",
        "new.csv",
        "--model",
        modelled.folder / "model",
        "--out",
        "-",
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[0].endswith(",".join(ANSWERS.names))
    assert len(done.stdout.splitlines()) == 4
    version = subprocess.run(
        [sys.executable, "-m", "pipeline", "--version"], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    assert version.stdout == f"{PROGRAM} {program.version()}\n".encode()
