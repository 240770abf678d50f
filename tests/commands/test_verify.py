"""How a verification ends; the interrupts, which need processes, are in test_verify.py."""

import os
import signal

import pytest

from pipeline.reproduction.exit_codes import CannotVerifyError, conclude
from pipeline.runtime.errors import CommandError


@pytest.fixture(autouse=True)
def signals():
    """The handlers as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def sending(number):
    """A verification during which the signal arrives, and which it does not end by itself."""

    def verify():
        os.kill(os.getpid(), number)
        return True

    return verify


def raising(error):
    def verify():
        raise error

    return verify


@pytest.mark.parametrize(
    ("verify", "code", "message"),
    [
        (lambda: True, 0, ""),
        (lambda: False, 3, ""),
        (raising(CommandError(["dvc", "repro"], "ended with code 255")), 4, "verify: dvc repro ended with code 255\n"),
        (raising(CannotVerifyError("no lock")), 5, "verify: no lock\n"),
        (raising(KeyboardInterrupt()), 130, "verify: interrupted\n"),
    ],
)
def test_each_ending_has_its_code_and_its_message(verify, code, message, capsys):
    with pytest.raises(SystemExit) as ending:
        conclude("verify", verify)
    assert ending.value.code == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_an_interrupt(number):
    signal.signal(number, signal.SIG_DFL)
    with pytest.raises(SystemExit) as ending:
        conclude("verify", sending(number))
    assert ending.value.code == 130


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with pytest.raises(SystemExit) as ending:
        conclude("verify", sending(signal.SIGHUP))
    assert ending.value.code == 0


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        conclude("verify", lambda: bool(1 / 0))
