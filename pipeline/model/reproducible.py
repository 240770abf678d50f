"""torch, set up so that the same commit trains the same bytes on any x86-64 CPU.

Every module takes torch, and safetensors.torch which loads it, from here.

- `MKL_CBWR` and `ATEN_CPU_CAPABILITY` pin the code path of matrix products and element-wise loops, which otherwise
  follow the CPU's instruction set. Both are read once, when torch first computes.
- One thread: the split of a sum over threads changes its rounding. For nets this small it is the fastest, too.
- What the variables do not pin is avoided: `gelu`, and MKL's square root in `torch.sqrt` and in all optimizers but the
  fused ones, which take the CPU's own. Weights and dropout masks are drawn by `rand` from a given generator, never by
  torch's initialisations, which draw from the global one.

Source: hashes of each operation on AVX-512 and under qemu's EPYC, Haswell and Nehalem, with torch 2.13.
"""

import os
import platform
import warnings

os.environ |= {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "default",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what torch asks for to be deterministic on a GPU
}

import safetensors.torch
import torch
from torch import nn
from torch.optim.adamw import adamw
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, default_collate

__all__ = ["DataLoader", "IterableDataset", "TensorDataset", "adamw", "default_collate", "nn", "safetensors", "torch"]

X86_64 = ("x86_64", "AMD64")
ANY_CPU = "the same bytes on any x86-64 CPU"
ANY_AVX2_CPU = f"{ANY_CPU} with AVX2 and FMA, and the same compiler"

if torch.backends.cpu.get_cpu_capability() != "DEFAULT":
    warnings.warn(
        "torch computed before it was set up: last bits may differ from other machines; import pipeline.train first",
        stacklevel=2,
    )
torch.set_num_threads(1)


def use_threads(count: int) -> None:
    """Compute with so many threads; several add the gradients of an embedding in one order, which costs some time."""
    torch.set_num_threads(count)
    if torch.are_deterministic_algorithms_enabled() != (count > 1):  # a call imports torch's compiler: a second
        torch.use_deterministic_algorithms(count > 1)


def unpin_matrix_products() -> None:
    """Let MKL multiply with the CPU's own instructions: more than twice as fast, and the same on one CPU model only.

    Only before torch multiplies for the first time: MKL reads the variable once.
    """
    os.environ["MKL_CBWR"] = "AUTO"  # and still the same from run to run


def device_for(wanted: str) -> torch.device:
    """The device of the setting: `cpu`, `cuda`, or `auto` for a GPU if there is one, with deterministic algorithms.

    Raises: ValueError if the setting is `cuda` and torch finds no GPU.
    """
    found = torch.cuda.is_available()
    if wanted == "cuda" and not found:
        raise ValueError(
            "device: cuda needs a GPU and torch's build for it, found none; choose device: cpu or auto, or install both"
        )
    if wanted == "cpu" or not found:
        return torch.device("cpu")
    torch.use_deterministic_algorithms(True)
    return torch.device("cuda")


def reproducibility_level(*, engine: str, device: torch.device, threads: int) -> str:
    """Where a training with these settings gives the same bytes, in words, data and package versions being equal."""
    if device.type == "cuda":
        return "the same bytes on the same GPU model and driver"
    if engine == "compiled" and runs_on_any_avx2_cpu(threads=threads):
        return ANY_AVX2_CPU
    if engine == "compiled" or threads > 1 or platform.machine() not in X86_64:
        return "the same bytes on the same CPU model" + (" and compiler" if engine == "compiled" else "")
    return ANY_CPU


def runs_on_any_avx2_cpu(*, threads: int) -> bool:
    """Whether what is compiled here for so many threads computes the same on every x86-64 CPU with AVX2 and FMA."""
    return threads == 1 and platform.machine() in X86_64
