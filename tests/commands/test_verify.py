"""How the two verifications end; interrupts, which need processes, are in tests/reproduction/test_verify.py."""

import signal

import pytest

from pipeline import verify
from pipeline.reproduction.fresh_clone import CannotVerifyError
from pipeline.reproduction.verify import VerifyOutcome
from pipeline.runtime.errors import CommandError


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of signals as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=[[], ["--cpus"]], ids=["head", "cpus"])
def end(request, monkeypatch):
    """Runs the command with a verification that ends as told; returns the exit code."""
    name = "verify_cpus" if request.param else "verify"

    def ending(outcome):
        def verification(folder):
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(verify, name, verification)
        with pytest.raises(SystemExit) as ended:
            verify.main(request.param)
        return ended.value.code

    return ending


@pytest.mark.parametrize(
    ("outcome", "expected", "message"),
    [
        (VerifyOutcome.SAME_BYTES, 0, ""),
        (VerifyOutcome.OTHER_BYTES, 3, ""),
        (CommandError(["dvc", "repro"], "ended with code 255"), 4, ": dvc repro ended with code 255\n"),
        (CannotVerifyError("no lock"), 5, ": no lock\n"),
        (KeyboardInterrupt(), 130, ": interrupted\n"),
    ],
)
def test_each_outcome_has_its_code_and_its_message(end, outcome, expected, message, capsys):
    assert end(outcome) == expected
    assert capsys.readouterr().err == (message and "verify" + message)


def test_a_defect_keeps_its_traceback(end):
    with pytest.raises(ZeroDivisionError):
        end(ZeroDivisionError())
