import os
import sys

import pytest

from pipeline.processes import CommandError, run

PYTHON = (sys.executable, "-c")


def test_what_a_command_prints_comes_back(tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ['A']); print('aside', file=sys.stderr)"
    assert run((*PYTHON, code), folder=tmp_path, environment={"A": "b"}) == f"{tmp_path} b\n".encode()


def test_what_is_shown_goes_to_standard_error(tmp_path, capfd):
    assert run((*PYTHON, "print('shown')"), folder=tmp_path, environment={}, shown=True) == b""
    assert capfd.readouterr() == ("", "shown\n")


def test_a_command_that_fails_says_how_and_what_it_said_last(tmp_path):
    code = "import sys; print(*range(100), sep='\\n', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandError, match=r"ended with code 7\n80\n(.*\n)*99$") as error:
        run((*PYTHON, code), folder=tmp_path, environment={})
    assert str(error.value).startswith(sys.executable)


def test_a_command_that_does_not_exist_fails_as_one(tmp_path):
    with pytest.raises(CommandError, match=r"no-such-program cannot be started: .*No such file"):
        run(("no-such-program",), folder=tmp_path, environment=os.environ)
