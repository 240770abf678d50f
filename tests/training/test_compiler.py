"""The C++ compiler, where paths have spaces, quotes and letters that are not ASCII, and the layers that it can fuse."""

import contextlib
import os
import platform
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

from pipeline.model.reproducible import nn, torch
from pipeline.training import compiler
from pipeline.training.compiler import (
    CACHE,
    PINNED,
    FusibleLinear,
    compile_options,
    fusible,
    keep_compiled_code_in,
    ready_to_compile,
    require_compiler,
)
from tests.support.processes import ARGUMENTS, set_params, trained_files
from tests.support.recipes import EMBEDDING, make_network, make_recipe, make_rows, seeded
from tests.support.skips import needs_a_compiler, needs_avx2
from tests.support.tables import rows, table
from tests.support.work_tree import ROOT, run

ODD = ["a space", "it's", 'a"quote', "back\\slash", "a\ttab"]


@pytest.mark.parametrize("name", ["plain", "späce", "$HOME(1)&co"])
def test_a_folder_of_compiled_code_that_is_one_word_stays_as_it_is(name, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / name))
    with ready_to_compile():
        assert os.environ[CACHE] == str(tmp_path / name)


@pytest.mark.parametrize("name", ODD)
def test_any_other_is_reached_by_a_private_link_that_goes_and_leaves_what_it_led_to(name, tmp_path, monkeypatch):
    folder = tmp_path / "new" / name
    monkeypatch.setenv(CACHE, str(folder))
    with ready_to_compile():
        link = Path(os.environ[CACHE])
        assert shlex.split(str(link)) == [str(link)]
        assert stat.S_IMODE(link.parent.stat().st_mode) == 0o700
        (link / "kept").touch()
    assert os.environ[CACHE] == str(folder)
    assert not link.parent.exists()
    assert (folder / "kept").is_file()


def test_without_a_folder_of_compiled_code_torch_takes_its_own(monkeypatch):
    monkeypatch.delenv(CACHE, raising=False)
    with ready_to_compile():
        assert CACHE not in os.environ


@pytest.mark.parametrize("name", ["plain", *ODD])
def test_the_folder_of_torchs_libraries_is_one_word_while_it_compiles(name, monkeypatch):
    folder = f"/{name}/lib"
    monkeypatch.setattr(cpp_extension, "TORCH_LIB_PATH", folder)
    with ready_to_compile():
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
    monkeypatch.setattr(shutil, "which", lambda program: program)
    monkeypatch.setenv("CXX", paths["CXX"])
    require_compiler()
    paths[where] = f"/{name}"
    monkeypatch.setenv("CXX", paths["CXX"])
    rule = f"engine: compiled needs {what} with no space, quote or backslash in the path, found /{name}"
    with pytest.raises(ValueError, match=re.escape(f"{rule}; {fix} without them, or choose engine: eager")):
        require_compiler()


@pytest.mark.parametrize(
    ("lacks", "named"), [({"avx2"}, "AVX2"), ({"fma3"}, "FMA"), ({"avx2", "fma3"}, "AVX2 and FMA")]
)
def test_an_old_cpu_is_named_with_what_it_lacks(lacks, named, monkeypatch):
    found = {"architecture": "x86_64", "cpu_name": "Nehalem", "avx2": True, "fma3": True} | dict.fromkeys(lacks, False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    rule = f"engine: compiled needs a CPU with AVX2 and FMA, found Nehalem without {named}; choose engine: eager"
    with pytest.raises(ValueError, match=f"^{rule}$"):
        require_compiler()


@needs_a_compiler
@pytest.mark.parametrize(("threads", "machine"), [(2, "x86_64"), (1, "aarch64")])
def test_with_more_threads_or_on_another_machine_the_compiler_follows_the_cpu(threads, machine, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert compile_options() == {"cpp_wrapper": True}


@needs_a_compiler
@needs_avx2
def test_with_one_thread_the_same_instructions_are_compiled_on_every_cpu(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    options = compile_options()
    assert (options["cpp.march"], options["cpp.simdlen"]) == ("x86-64-v3", 256)


@pytest.mark.soak
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


@pytest.mark.parametrize("fails", [False, True])
def test_the_compiler_may_use_the_cpus_own_instructions_and_torch_is_pinned_again_even_if_it_fails(fails):
    before = dict(os.environ)
    with contextlib.suppress(RuntimeError), ready_to_compile():
        assert PINNED not in os.environ
        if fails:
            raise RuntimeError
    assert os.environ[PINNED] == "default"
    assert dict(os.environ) == before


@needs_a_compiler
def test_the_compiler_may_be_named(monkeypatch):
    monkeypatch.setenv("CXX", str(shutil.which("g++")))
    require_compiler()


def test_compiled_code_is_kept_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, "elsewhere")
    monkeypatch.chdir(tmp_path)
    keep_compiled_code_in(tmp_path / "a" / ".." / "b")
    assert os.environ[CACHE] == str(tmp_path / "b")


def test_a_network_is_not_changed_by_its_fusible_copy():
    network = make_network(make_recipe(**EMBEDDING)).eval()
    kinds = [type(module) for module in network.modules()]
    before = nn.utils.parameters_to_vector(network.parameters()).clone()
    copy = fusible(network)
    nn.utils.vector_to_parameters(torch.zeros_like(before), copy.parameters())
    assert [type(module) for module in network.modules()] == kinds
    assert torch.equal(nn.utils.parameters_to_vector(network.parameters()), before)


def test_a_fusible_copy_computes_the_same_up_to_rounding_under_the_same_names():
    network = make_network(make_recipe(**EMBEDDING)).eval()
    copy = fusible(network)
    (inputs, _) = make_rows(network, rows=20).tensors
    assert sum(isinstance(module, FusibleLinear) for module in copy.modules()) == 3
    assert [name for name, _ in copy.named_parameters()] == [name for name, _ in network.named_parameters()]
    torch.testing.assert_close(copy(inputs), network(inputs))


def test_a_large_layer_is_left_to_the_library(monkeypatch):
    monkeypatch.setattr(compiler, "FUSED_PRODUCTS", 4 * 3 * 5 - 1)
    layer, inputs = FusibleLinear(nn.Linear(5, 3)), torch.rand(4, 5, generator=seeded())
    monkeypatch.setattr(nn.functional, "linear", lambda inputs, weight, bias: "the library's")
    assert layer(inputs) == "the library's"
    assert layer(inputs[:3]).shape == (3, 3)


def test_a_fusible_copy_draws_no_random_number():
    network, state = make_network(make_recipe(**EMBEDDING)), torch.get_rng_state()
    fusible(network)
    assert torch.equal(torch.get_rng_state(), state)
