import subprocess
import sys

import pytest

from pipeline.runtime.errors import BusyError
from pipeline.runtime.lock import exclusive
from tests.support.work_tree import ROOT

HOLD = "import sys, time; from pathlib import Path; from pipeline.runtime.lock import exclusive\n"
HOLD += "with exclusive(Path(sys.argv[1]), rule='', fix=''): print('held', flush=True); time.sleep(60)"


def hold(file):
    return exclusive(file, rule="must be alone", fix="wait")


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock; it is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "a/lock"], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path, holder):
    with (
        pytest.raises(BusyError, match=rf"must be alone, found process {holder.pid}, since 2.* UTC; wait"),
        hold(tmp_path / "a/lock"),
    ):
        pass


def test_the_lock_of_a_killed_holder_is_free_again(tmp_path, holder):
    holder.kill()
    holder.wait()
    with hold(tmp_path / "a/lock"):
        text = (tmp_path / "a/lock").read_text()
    assert str(holder.pid) not in text
    assert text.count("process") == 1


def test_a_lock_is_free_after_its_block(tmp_path):
    for _ in range(2):
        with hold(tmp_path / "lock"):
            pass


def test_a_command_that_outlives_the_block_does_not_hold_it(tmp_path):
    with hold(tmp_path / "lock"):
        process = subprocess.Popen(["sleep", "60"])
    try:
        with hold(tmp_path / "lock"):
            pass
    finally:
        process.kill()
        process.wait()
