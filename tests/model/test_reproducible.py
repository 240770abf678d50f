import os
import platform
import subprocess
import sys

import pytest

from pipeline.model.reproducible import device_for, reproducibility_level, torch

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def printed(code, **environment):
    """What Python prints in a process of its own, on standard output and standard error."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ) | environment)
    return done.stdout + done.stderr


def test_variables_pin_the_code_path_and_one_thread_computes_whatever_is_set_outside():
    code = """
import os
from pipeline.model.reproducible import torch
print(os.environ["MKL_CBWR"], os.environ["ATEN_CPU_CAPABILITY"], os.environ["CUBLAS_WORKSPACE_CONFIG"])
print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
"""
    outside = {"MKL_CBWR": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    assert printed(code, **outside) == "COMPATIBLE default :4096:8\nDEFAULT 1\n"


def test_matrix_products_may_be_unpinned_before_the_first_one():
    code = """
import os
from pipeline.model.reproducible import unpin_matrix_products, torch
print(os.environ["MKL_CBWR"])
unpin_matrix_products()
print(os.environ["MKL_CBWR"])
"""
    assert printed(code) == "COMPATIBLE\nAUTO\n"


def test_several_threads_compute_deterministically_and_one_thread_does_without():
    code = """
import sys
from pipeline.model.reproducible import torch, use_threads
for count in (1, 2, 1):
    use_threads(count)
    print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), "torch._inductor" in sys.modules)
"""
    assert printed(code) == "1 False False\n2 True True\n1 False True\n"  # the compiler takes a second to import


def test_torch_set_up_too_late_is_warned_of(monkeypatch):
    for name in ("MKL_CBWR", "ATEN_CPU_CAPABILITY"):
        monkeypatch.delenv(name)
    code = "import torch; torch.ones(9) + 1; import pipeline.model.reproducible"
    assert "torch computed before it was set up" in printed(code)


def test_a_gpu_that_is_wanted_and_missing_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"device: cuda needs a GPU .*, found none; choose device: cpu or auto, or"):
        device_for("cuda")


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_for("auto") == device_for("cpu") == CPU


@pytest.mark.parametrize(("wanted", "expected"), [("auto", GPU), ("cuda", GPU), ("cpu", CPU)])
def test_a_gpu_is_taken_unless_the_cpu_is_wanted_and_computes_deterministically(wanted, expected, monkeypatch):
    asked: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", asked.append)
    assert device_for(wanted) == expected
    assert asked == ([True] if expected == GPU else [])


@pytest.mark.parametrize(
    ("engine", "device", "threads", "machine", "where"),
    [
        ("eager", CPU, 1, "x86_64", "any x86-64 CPU"),
        ("eager", CPU, 1, "AMD64", "any x86-64 CPU"),
        ("eager", CPU, 1, "arm64", "the same CPU model"),
        ("eager", CPU, 2, "x86_64", "the same CPU model"),
        ("compiled", CPU, 1, "x86_64", "any x86-64 CPU with AVX2 and FMA, and the same compiler"),
        ("compiled", CPU, 1, "arm64", "the same CPU model and compiler"),
        ("compiled", CPU, 2, "x86_64", "the same CPU model and compiler"),
        ("eager", GPU, 1, "x86_64", "the same GPU model and driver"),
        ("eager", GPU, 2, "x86_64", "the same GPU model and driver"),
    ],
)
def test_the_level_is_the_widest_that_holds(engine, device, threads, machine, where, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert reproducibility_level(engine=engine, device=device, threads=threads) == f"the same bytes on {where}"
