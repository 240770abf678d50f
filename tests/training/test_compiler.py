"""The compiled engine where paths have spaces, quotes and letters that are not ASCII."""

import os
import re
import shlex
import shutil
import stat
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from torch.utils import cpp_extension

from pipeline.training.compiled import require_compiler
from pipeline.training.compiler_paths import CACHE, linked_cache, quoted_torch_libraries, require_whole_words
from tests.support.processes import ARGUMENTS, set_params, trained_files
from tests.support.skips import needs_a_compiler
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT, run

ODD = ["a space", "it's", 'a"quote', "back\\slash", "a\ttab"]


@pytest.mark.parametrize("name", ["plain", "späce", "$HOME(1)&co"])
def test_a_folder_of_compiled_code_that_is_one_word_stays_as_it_is(name, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / name))
    with linked_cache():
        assert os.environ[CACHE] == str(tmp_path / name)


@pytest.mark.parametrize("name", ODD)
def test_any_other_is_reached_by_a_private_link_that_goes_and_leaves_what_it_led_to(name, tmp_path, monkeypatch):
    folder = tmp_path / "new" / name
    monkeypatch.setenv(CACHE, str(folder))
    with linked_cache():
        link = Path(os.environ[CACHE])
        assert shlex.split(str(link)) == [str(link)]
        assert stat.S_IMODE(link.parent.stat().st_mode) == 0o700
        (link / "kept").touch()
    assert os.environ[CACHE] == str(folder)
    assert not link.parent.exists()
    assert (folder / "kept").is_file()


def test_without_a_folder_of_compiled_code_torch_takes_its_own(monkeypatch):
    monkeypatch.delenv(CACHE, raising=False)
    with linked_cache():
        assert CACHE not in os.environ


@pytest.mark.parametrize("name", ["plain", *ODD])
def test_the_folder_of_torchs_libraries_is_one_word_while_it_compiles(name, monkeypatch):
    folder = f"/{name}/lib"
    monkeypatch.setattr(cpp_extension, "TORCH_LIB_PATH", folder)
    with quoted_torch_libraries():
        assert shlex.split(f"-L{cpp_extension.TORCH_LIB_PATH} -ltorch") == [f"-L{folder}", "-ltorch"]
    assert folder == cpp_extension.TORCH_LIB_PATH


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    ("what", "where", "fix"),
    [
        ("a C++ compiler", "CXX", "name one by CXX"),
        ("a Python", "LIBDIR", "install it"),
        ("temporary files", "TMPDIR", "set TMPDIR"),
    ],
)
def test_a_path_that_can_be_neither_quoted_nor_linked_is_refused(what, where, fix, name, monkeypatch):
    paths = {"CXX": "/usr/bin/g++", "LIBDIR": "/usr/lib", "TMPDIR": "/a_tmp"}
    monkeypatch.setattr(tempfile, "gettempdir", lambda: paths["TMPDIR"])
    monkeypatch.setattr(sysconfig, "get_config_var", paths.get)
    require_whole_words(paths["CXX"])
    paths[where] = f"/{name}"
    rule = f"engine: compiled needs {what} with no space, quote or backslash in the path, found /{name}"
    with pytest.raises(ValueError, match=re.escape(f"{rule}; {fix} without them, or choose engine: eager")):
        require_whole_words(paths["CXX"])


def test_the_refusal_comes_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/a space")
    monkeypatch.setenv("CXX", "sh")  # any program that is there
    with pytest.raises(ValueError, match="needs temporary files with no space"):
        require_compiler()


@needs_a_compiler
def test_a_project_and_a_torch_in_folders_with_a_space_and_an_umlaut_train_compiled(stage, tmp_path, monkeypatch):
    project, packages = tmp_path / "a pröject", tmp_path / "sïte packages"
    packages.symlink_to(sysconfig.get_path("purelib"))
    shutil.copytree(ROOT / "pipeline", project / "pipeline")
    for name in ("params.yaml", "versions.json"):
        shutil.copyfile(ROOT / name, project / name)
    stage.run(table(rows(200)))
    shutil.copytree(stage.out, project / "data/prepared")
    set_params(project, {"recipes.course.engine": "compiled", "recipes.course.epochs": 2})
    monkeypatch.setenv("PYTHONPATH", str(packages))
    assert str(packages) in run(project, sys.executable, "-c", "import torch; print(torch.__file__)")
    printed = run(project, sys.executable, "-m", "pipeline.train", "course", *ARGUMENTS)
    assert "compiled the loop" in printed
    assert "weights.safetensors" in trained_files(project)
    assert list((project / ".cache/compiled").rglob("*.so"))
