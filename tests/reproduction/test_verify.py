"""Verifications of a tiny project; behind `make soak`, one of this project itself."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import versions
from pipeline.repository.dvc_lock import Artifact, Stage, md5_of
from pipeline.repository.project import Project
from pipeline.reproduction.fresh_clone import CannotVerifyError
from pipeline.reproduction.verify import VerifyOutcome, changed_inputs, describe, verify
from pipeline.runtime.errors import CommandError
from tests.reproduction.conftest import MODEL, commit
from tests.support.work_tree import ROOT, run


def test_the_same_bytes_are_identical_whatever_the_work_tree_hooks_and_settings(project, tmp_path, monkeypatch, capsys):
    (project / "model.py").write_text("raise SystemExit('half done')")
    (project / "new.py").write_text("")
    (tmp_path / "post-checkout").write_text("#!/bin/sh\nrm dvc.lock\n")
    (tmp_path / "post-checkout").chmod(0o755)
    (tmp_path / "config").write_text(f"[cache]\n    dir = {tmp_path}/cache\n")
    git = {"DIR": project / ".git", "CONFIG_COUNT": 1, "CONFIG_KEY_0": "core.hooksPath", "CONFIG_VALUE_0": tmp_path}
    for name, value in git.items():
        monkeypatch.setenv(f"GIT_{name}", str(value))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    assert verify(project) is VerifyOutcome.SAME_BYTES
    shown = capsys.readouterr()
    head = f"commit {run(project, 'git', 'rev-parse', '--short', 'HEAD').strip()}"
    not_committed = f"{head} (uncommitted changes were not looked at: 2)"
    assert shown.out == f"identical: 3 artifacts of {not_committed}\n"
    assert f"training {not_committed} from scratch" in shown.err
    assert not (tmp_path / "cache").exists()
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_a_commit_that_makes_other_bytes_names_them_in_order_with_how_far_they_are_off(project, capsys):
    (project / "model.py").write_text(MODEL.replace('"3"', '"5"'))
    commit(project)
    assert verify(project) is VerifyOutcome.OTHER_BYTES
    head = run(project, "git", "rev-parse", "--short", "HEAD").strip()
    assert capsys.readouterr().out.splitlines() == [
        f"differs: 2 of 3 artifacts of commit {head}, first model/weights.csv",
        "  model/weights.csv: largest difference 2, in a",
        "  a.json: largest difference 2, in sum",
        "recorded from other inputs: model.py",
        "recorded with other packages: none",
    ]


def test_packages_of_other_versions_are_trained_with_and_named(project, capsys):
    (project / "versions.json").write_text('{"numpy": "1.0"}')
    commit(project)
    assert verify(project) is VerifyOutcome.OTHER_BYTES
    shown = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"differs: 1 of 3 artifacts of commit [0-9a-f]+, first model/versions.txt", shown[0])
    assert shown[-1] == f"recorded with other packages: numpy 1.0, not {versions.installed('numpy')}"


def test_a_training_that_fails_is_no_verdict(project, capfd):
    (project / "scores.py").write_text("raise SystemExit('no scores')")
    commit(project)
    with pytest.raises(CommandError, match="dvc repro ended with code 255"):
        verify(project)
    assert "no scores" in capfd.readouterr().err


def test_a_table_that_is_no_more_what_was_recorded_is_named(project):
    (project.parent / "table.csv").write_text("a\n3\n")
    with pytest.raises(
        CannotVerifyError, match=r"\.\./table\.csv must have the bytes that dvc\.lock records \(md5 \w{32}\)"
    ):
        verify(project)


def test_a_table_that_dvc_has_is_trained_on_and_where_it_is_missing_dvc_pull_is_named(project):
    shutil.copy(project.parent / "table.csv", project / "a table.csv")
    run(project, "dvc", "add", "--quiet", "a table.csv")
    (project / "params.yaml").write_text("data: {path: a table.csv}")
    for name in ("dvc.yaml", "model.py"):
        (project / name).write_text((project / name).read_text().replace("../table.csv", "a table.csv"))
    run(project, "dvc", "repro", "--quiet")
    commit(project)
    (project / "a table.csv").unlink()
    assert verify(project) is VerifyOutcome.SAME_BYTES
    shutil.rmtree(project / ".dvc/cache")
    with pytest.raises(CannotVerifyError, match=r"nor in DVC's cache: dvc pull 'a table\.csv' brings them, where"):
        verify(project)


def test_recorded_bytes_that_only_git_has_are_compared(fresh_clone, tmp_path):
    """The work tree is empty, and a metrics file is in no cache."""
    recorded = md5_of(fresh_clone.project.folder / "a.json")
    copy = replace(fresh_clone, checkout=Project.at(tmp_path))
    (copy.project.folder / "a.json").write_text('{"sum": 6}')
    assert describe(Artifact("a.json", recorded, "0"), copy) == "largest difference 2, in sum"


@pytest.mark.parametrize(
    ("recorded", "found", "words"),
    [
        (None, "0", "not recorded in dvc.lock"),
        ("0", None, "no longer written"),
        ("0", "1", "the recorded bytes are not at hand"),
    ],
)
def test_an_artifact_that_cannot_be_compared_says_why(fresh_clone, recorded, found, words):
    assert describe(Artifact("a.json", recorded, found), fresh_clone) == words


def test_an_interrupt_leaves_no_folder_and_no_process_behind(project):
    (project / "scores.py").write_text("import time; print('waiting', flush=True); time.sleep(1000)")
    commit(project)
    command = [sys.executable, "-P", "-m", "pipeline.verify"]  # -P: of this project, not of the tiny one
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a signal that we ignore would be ignored there, too
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": tempfile.gettempdir()}
    with subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert any(line == "waiting\n" for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().endswith("verify: interrupted\n")  # the end of the last process that could write
    assert process.returncode == 130
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_the_inputs_that_were_recorded_otherwise_are_named_and_no_outputs():
    recorded, found = (
        {
            "prepare": Stage({"a.py": "1", "b.py": new}, {"rows": new}, {}),
            "train": Stage({"rows": new}, {"model": new}, {"params.yaml seed": new, "params.yaml rate": "1"}),
        }
        for new in ("1", "2")
    )
    assert changed_inputs(recorded, found) == ["b.py", "params.yaml seed"]


def test_without_a_commit_there_is_nothing_to_verify(tmp_path):
    with pytest.raises(CannotVerifyError, match=r"must have a commit to verify: (.*\n)*.*not a git repository"):
        verify(tmp_path)


@pytest.mark.parametrize("name", ["dvc.lock", "versions.json"])
def test_without_a_record_there_is_nothing_to_verify(project, name):
    (project / name).unlink()
    commit(project)
    with pytest.raises(CannotVerifyError, match=f"{name} must be in git, found none at HEAD; run dvc repro"):
        verify(project)


@pytest.mark.soak
def test_this_project_trains_the_recorded_bytes(clone):
    assert re.match(
        r"identical: \d+ artifacts of commit [0-9a-f]+\n", run(clone, sys.executable, "-m", "pipeline.verify")
    )
