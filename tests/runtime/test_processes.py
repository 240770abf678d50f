import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runtime.errors import CommandError
from pipeline.runtime.processes import STANDARD_ERROR, run
from tests.support.processes import until
from tests.support.work_tree import ROOT

PYTHON = (sys.executable, "-c")


def test_what_a_command_prints_comes_back(tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ['A']); print('aside', file=sys.stderr)"
    assert run((*PYTHON, code), folder=tmp_path, environment={"A": "b"}) == f"{tmp_path} b\n".encode()


def test_what_is_shown_goes_to_standard_error(tmp_path, capfd):
    assert run((*PYTHON, "print('shown')"), folder=tmp_path, environment={}, stdout=STANDARD_ERROR) == b""
    assert capfd.readouterr() == ("", "shown\n")


def test_a_command_that_fails_says_how_and_what_it_said_last(tmp_path):
    code = "import sys; print(*range(100), sep='\\n', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandError, match=r"ended with code 7\n80\n(.*\n)*99$") as error:
        run((*PYTHON, code), folder=tmp_path, environment={})
    assert str(error.value).startswith(shlex.quote(sys.executable))


def test_a_command_that_does_not_exist_fails_as_one(tmp_path):
    with pytest.raises(CommandError, match=r"no-such-program cannot be started: .*No such file"):
        run(("no-such-program",), folder=tmp_path, environment=os.environ)


def test_a_command_reads_what_it_is_given(tmp_path):
    assert run(("cat",), folder=tmp_path, environment=os.environ, stdin=b"a\n") == b"a\n"


def test_a_command_that_is_given_nothing_reads_nothing(tmp_path):
    assert run(("cat",), folder=tmp_path, environment=os.environ, seconds=60) == b""


def test_a_command_that_takes_too_long_is_killed_with_all_it_started_and_says_what_it_said_last(tmp_path):
    code = "sleep 600 & echo $! >child; echo still here >&2; wait"
    with pytest.raises(CommandError, match=r"took longer than 3 s\nstill here$"):
        run(("sh", "-c", code), folder=tmp_path, environment=os.environ, seconds=3)
    until(lambda: ended(int((tmp_path / "child").read_text())))


def test_a_command_ends_with_its_starter_even_if_that_is_killed(tmp_path):
    command = ["sh", "-c", "echo $$ >child; exec sleep 60"]
    code = "import os, sys; from pathlib import Path; from pipeline.runtime.processes import run\n"
    code += f"run({command!r}, folder=Path({str(tmp_path)!r}), environment=os.environ)"
    child = tmp_path / "child"
    with subprocess.Popen((*PYTHON, code), cwd=ROOT) as starter:
        until(lambda: child.is_file() and child.read_text().strip())
        starter.kill()
    until(lambda: ended(int(child.read_text())))


def ended(number):
    """True if there is no such process any more, or a dead one that nobody has reaped."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_who_watches_a_command_can_end_it(tmp_path):
    looks = []

    def watch():
        looks.append(1)
        if len(looks) == 3:
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        run(["sleep", "600"], folder=tmp_path, environment=os.environ, watch=watch)
    assert len(looks) == 3
    echo = ["sh", "-c", "sleep 0.3; cat"]
    said = run(echo, folder=tmp_path, environment=os.environ, stdin=b"here", watch=lambda: None, seconds=60)
    assert said == b"here"
    with pytest.raises(CommandError, match=r"took longer than 0.2 s"):
        run(["sleep", "600"], folder=tmp_path, environment=os.environ, watch=lambda: None, seconds=0.2)
