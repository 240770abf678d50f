"""What signals do; that a child ends with its parent is tested in test_processes.py."""

import os
import signal
import subprocess
import sys

import pytest

from pipeline.runtime.lifetime import end_as_ctrl_c_does, end_at_once_if_interrupted
from tests.support.work_tree import ROOT

ENDING = [signal.SIGTERM, signal.SIGHUP]
INTERRUPTING = [signal.SIGINT, *ENDING]


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of signals as they were."""
    before = {number: signal.getsignal(number) for number in INTERRUPTING}
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


@pytest.mark.parametrize("number", INTERRUPTING)
def test_after_the_imports_it_is_an_interrupt_again(number):
    end_at_once_if_interrupted()
    end_as_ctrl_c_does()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", INTERRUPTING)
@pytest.mark.parametrize("command", ["train", "nightly"])
def test_a_command_that_is_ended_while_it_imports_says_nothing(tmp_path, command, number):
    code = "import signal, sys\nprint('importing', flush=True)\nsignal.raise_signal(int(sys.argv[1]))\nprint(1)\n"
    (tmp_path / "pydantic.py").write_text(code)  # all settings are made of it
    argv = [sys.executable, "-m", f"pipeline.{command}", str(number.value)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "importing\n", "")


def test_who_imports_the_package_keeps_the_handlers():
    code = "import signal, pipeline; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
