import subprocess
import sys

import pytest

from pipeline.runtime.packages import MissingPackageError, require
from tests.support.work_tree import ROOT


def test_what_is_installed_is_enough():
    require("a table", "json", "numpy", install="a-table")


def test_all_that_is_needed_is_named_and_what_of_it_is_missing_and_how_to_get_it():
    told = "^a cube needs json, no_cube, no_edge; found no no_cube and no no_edge; python -m pip install 'cube.all.'$"
    with pytest.raises(MissingPackageError, match=told):
        require("a cube", "json", "no_cube", "no_edge", install="'cube[all]'")


def test_a_hidden_package_is_missing_while_it_is_hidden():
    code = """
from importlib.util import find_spec
from pipeline.runtime.packages import hidden
try:
    with hidden("wave"):
        print(find_spec("wave") is None)
        import wave
except ModuleNotFoundError as error:
    print(error)
import wave
print(wave.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\nwave is hidden\nwave\n"
