import os
import subprocess
import sys

import pytest

from pipeline.runtime.blas import use_one_blas_thread
from tests.support.work_tree import ROOT

VARIABLE = "OPENBLAS_NUM_THREADS"
AS_MODULE = "import sys; sys.argv[0] = '-m'; import pipeline"
AS_PROGRAM = """
from contextlib import suppress
from pipeline.__main__ import main
with suppress(SystemExit):
    main(["predict", "--help"])
"""
THREADS = "\nimport numpy, threadpoolctl; print([pool['num_threads'] for pool in threadpoolctl.threadpool_info()])"


def last_line(code, **variables):
    """What a process that runs this code prints last."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")} | variables
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("code", [AS_MODULE, AS_PROGRAM], ids=["module", "program"])
def test_a_command_multiplies_on_one_thread(code):
    assert last_line(code + THREADS) in ("[1]", "[]")  # none: numpy has another BLAS here


def test_who_imports_the_package_keeps_his_threads():
    assert last_line(f"import os, pipeline; print(os.environ.get('{VARIABLE}'))") == "None"


def test_who_sets_the_variable_has_as_many_as_he_says(monkeypatch):
    monkeypatch.setenv(VARIABLE, "3")
    use_one_blas_thread()
    assert os.environ[VARIABLE] == "3"
