"""What signals do; that a child ends with its parent is tested in test_processes.py."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.runtime.interrupts import end_as_ctrl_c_does, end_at_once_if_interrupted, interrupts_held_back
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


@pytest.mark.parametrize("number", INTERRUPTING)
def test_an_interrupt_that_is_held_back_comes_once_when_the_block_has_ended(number):
    end_as_ctrl_c_does()
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_held_back():  # noqa: PT012 (it comes in the block's middle)
        signal.raise_signal(number)
        signal.raise_signal(number)
        done.append(number)
    assert done == [number]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_an_interrupt_is_held_back_from_a_block_that_fails_too():
    with pytest.raises(KeyboardInterrupt), interrupts_held_back():  # noqa: PT012 (it comes in the block's middle)
        signal.raise_signal(signal.SIGINT)
        raise ValueError("in the block")


def test_what_is_ignored_stays_so_while_interrupts_are_held_back():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interrupts_held_back():
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_in_another_thread_a_block_runs_as_it_is():
    with ThreadPoolExecutor(1) as pool, interrupts_held_back():
        assert pool.submit(lambda: interrupts_held_back().__enter__()).exception() is None


def test_who_imports_the_package_keeps_the_handlers():
    code = "import signal, pipeline; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
