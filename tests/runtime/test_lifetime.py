"""What signals do; that a child ends with its parent is tested in test_processes.py."""

import signal

import pytest

from pipeline.runtime.lifetime import end_as_ctrl_c_does

ENDING = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of signals as they were."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_to_end_is_an_interrupt(number):
    signal.signal(number, signal.SIG_DFL)
    end_as_ctrl_c_does()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_as_ctrl_c_does()
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
