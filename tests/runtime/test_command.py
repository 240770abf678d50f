import os
import signal
import subprocess
import sys

import pytest

from pipeline.runtime.command import command
from pipeline.runtime.errors import CommandError, RuleError
from tests.support.work_tree import ROOT


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("the rule"), "the rule"),
        (FileNotFoundError(2, "No such file", "a.csv"), "[Errno 2] No such file: 'a.csv'"),
        (
            RuleError("data.path", rule="must exist", found="none", fix="make it"),
            "data.path must exist, found none; make it",
        ),
        (CommandError(["git", "push"], "was refused"), "git push was refused"),
    ],
)
def test_an_expected_error_is_one_message_and_code_1(error, message, capsys):
    with pytest.raises(SystemExit) as end, command("prepare"):
        raise error
    assert end.value.code == 1
    assert capsys.readouterr().err == f"prepare: {message}\n"


def test_an_error_can_have_its_own_code_and_only_those_named_are_expected(capsys):
    with pytest.raises(SystemExit) as end, command("verify", expected={KeyError: 5}):
        raise KeyError("commit")
    assert end.value.code == 5
    with pytest.raises(ValueError, match="a defect"), command("verify", expected={KeyError: 5}):
        raise ValueError("a defect")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_command_says_what_it_leaves(number, capsys):
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for kind in before:
            signal.signal(kind, signal.SIG_DFL)
        with pytest.raises(SystemExit) as end, command("train full", interrupted="dvc repro goes on"):
            signal.raise_signal(number)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    assert end.value.code == 130
    assert capsys.readouterr().err == "train full: interrupted; dvc repro goes on\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("length", [1, 10**6])
def test_a_reader_that_has_seen_enough_ends_a_command_without_a_word(length, unbuffered):
    program = f"from pipeline.runtime.command import command\nwith command('results'):\n    print('x' * {length})"
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_command_that_ends_well_goes_on():
    with command("report"):
        done = True
    assert done
