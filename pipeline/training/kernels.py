"""What compiled loops compute by C++ of our own: products, embeddings and noise, compiled once into a library."""

import ctypes
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from pipeline.model.reproducible import torch
from pipeline.runtime.processes import run
from pipeline.training import lookups, noise, products

MARCH = "x86-64-v3"  # AVX2 and FMA, and what every CPU with them has
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-shared", "-fPIC", f"-march={MARCH}")
MATRICES = r"""
#include <immintrin.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <algorithm>
#include <memory>

struct Matrix {
  float* at;
  int64_t rows, columns, down, across;  // steps to the next row and column, in numbers
  float* element(int64_t row, int64_t column) const { return at + row * down + column * across; }
};

static Matrix matrix(AtenTensorHandle tensor) {
  int64_t *sizes, *strides;
  void* at;
  aoti_torch_get_sizes(tensor, &sizes);
  aoti_torch_get_strides(tensor, &strides);
  aoti_torch_get_data_ptr(tensor, &at);
  return {(float*)at, sizes[0], sizes[1], strides[0], strides[1]};
}

static AOTITorchError allocate(int64_t rows, int64_t columns, AtenTensorHandle* tensor) {
  const int64_t sizes[] = {rows, columns}, strides[] = {columns, 1};
  const int32_t type = aoti_torch_dtype_float32(), cpu = aoti_torch_device_type_cpu();
  return aoti_torch_empty_strided(2, sizes, strides, type, cpu, 0, tensor);
}
"""
KERNELS = {
    "product": ("Tensor a, Tensor b", "AtenTensorHandle a, AtenTensorHandle b"),
    "looked_up": ("Tensor table, Tensor places", "AtenTensorHandle table, AtenTensorHandle places"),
    "summed_up": (
        "Tensor values, Tensor places, int rows",
        "AtenTensorHandle values, AtenTensorHandle places, int64_t rows",
    ),
}
"""The arguments of each, as torch and as the library's functions have them."""
SHIMS = {
    name: f"AOTITorchError aoti_torch_cpu_{name}({arguments}, AtenTensorHandle* out)"
    for name, (_, arguments) in KERNELS.items()
}


def _defined(name: str) -> Callable[..., torch.Tensor]:
    torch.library.define(f"pipeline::{name}", f"({KERNELS[name][0]}) -> Tensor")
    op: Callable[..., torch.Tensor] = getattr(torch.ops.pipeline, name).default
    return op


OPS = {name: _defined(name) for name in KERNELS}
DECLARATIONS = "".join(f'extern "C" {shim};\n' for shim in SHIMS.values())
SOURCE = "".join([MATRICES, DECLARATIONS, products.SOURCE, lookups.SOURCE, noise.SOURCE])


@torch.library.register_fake("pipeline::product")  # type: ignore[untyped-decorator]
def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a.new_empty(a.shape[0], b.shape[1])


@torch.library.register_fake("pipeline::looked_up")  # type: ignore[untyped-decorator]
def _looked_up(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return table.new_empty(places.shape[0], table.shape[1])


@torch.library.register_fake("pipeline::summed_up")  # type: ignore[untyped-decorator]
def _summed_up(values: torch.Tensor, places: torch.Tensor, rows: int) -> torch.Tensor:
    return values.new_empty(rows, values.shape[1])


@cache
def load(compiler: str) -> ctypes.CDLL:
    """The library, loaded once in a process, where compiled loops look for its functions.

    Raises: CommandError if it cannot be compiled.
    """
    built = library(compiler, avx512=torch.cpu.get_capabilities().get("avx512_f", False))
    return ctypes.CDLL(str(built), mode=ctypes.RTLD_GLOBAL)


def library(compiler: str, *, avx512: bool) -> Path:
    """The compiled SOURCE, from the cache of compiled code or put there; both kinds give the same bytes.

    Raises: CommandError if it cannot be compiled.
    """
    flags = [*FLAGS, *(["-mavx512f"] if avx512 else [])]
    cache_dir = import_module("torch._inductor.runtime.cache_dir_utils").cache_dir
    folder = Path(cache_dir(), "kernels")
    folder.mkdir(parents=True, exist_ok=True)
    version = run([compiler, "--version"], folder=folder, environment=os.environ).decode()
    key = hashlib.sha256("\n".join([SOURCE, *flags, version, torch.__version__]).encode()).hexdigest()
    path = folder / f"{key}.so"
    if not path.exists():
        include, torch_cpu = (Path(torch.__file__).parent / name for name in ("include", "lib/libtorch_cpu.so"))
        with tempfile.TemporaryDirectory(dir=folder) as private:
            code, built = Path(private, "kernels.cpp"), Path(private, path.name)
            code.write_text(SOURCE)
            command = [compiler, *flags, f"-I{include}", str(code), str(torch_cpu), "-o", str(built)]
            run(command, folder=folder, environment=os.environ)
            built.replace(path)  # whole or not at all, whoever else compiles it
    return path
