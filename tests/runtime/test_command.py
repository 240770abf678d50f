import signal

import pytest

from pipeline.runtime.command import command
from pipeline.runtime.errors import CommandError, RuleError


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


def test_a_command_that_ends_well_goes_on():
    with command("report"):
        done = True
    assert done
