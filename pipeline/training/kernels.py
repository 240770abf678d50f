"""What compiled loops compute by C++ of our own: products, embeddings and noise, compiled once into a library.

A compilation imports it, and nothing else, since torch's compiler takes seconds to import.
"""

import ctypes
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.model.reproducible import torch
from pipeline.runtime.processes import run
from pipeline.training import lookups, noise, products

CustomGraphPass: Any = import_module("torch._inductor.custom_graph_pass").CustomGraphPass
Graph = torch.fx.Graph
Node = torch.fx.Node
Argument = Node | int | list[int]
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


class OwnKernels(CustomGraphPass):  # type: ignore[misc]
    """Has a compiled graph call the library in place of MKL's products, and of loops over the numbers of embeddings."""

    def __call__(self, graph: Graph) -> None:
        """Replace each product, with a sum in the same call or without, each lookup, and each sum of its gradients."""
        aten = torch.ops.aten
        replacements: dict[Any, Callable[..., Node | None]] = {
            aten.mm.default: _replace_product,
            aten.addmm.default: _replace_product,
            aten.index.Tensor: _replace_lookup,
            aten.index_put.default: _replace_sum,
        }
        for node in list(graph.nodes):
            if node.target in replacements and not node.kwargs:
                with graph.inserting_before(node):
                    new = replacements[node.target](graph, *node.args)
                if new is not None:
                    node.replace_all_uses_with(new)
                    graph.erase_node(node)

    def uuid(self) -> str:
        """What the cache of compiled code knows the pass by."""
        return hashlib.sha256(Path(__file__).read_bytes() + SOURCE.encode()).hexdigest()


def _replace_product(graph: Graph, *factors: Node) -> Node:
    *bias, left, right = factors
    product = _call(graph, OPS["product"], left, right)
    return _call(graph, torch.ops.aten.add.Tensor, product, *bias) if bias else product


def _replace_lookup(graph: Graph, table: Node, indices: Sequence[Node]) -> Node | None:
    if not _is_embedding(table, indices):
        return None
    rows = _call(graph, OPS["looked_up"], table, _reshaped(graph, indices[0], -1))  # (places, width)
    return _reshaped(graph, rows, *indices[0].meta["val"].shape, -1)


def _replace_sum(
    graph: Graph, table: Node, indices: Sequence[Node], values: Node, accumulate: bool = False
) -> Node | None:
    is_zero = table.target == torch.ops.aten.full.default and table.args[1] == 0
    if not (accumulate and is_zero and _is_embedding(table, indices)):
        return None
    rows, width = table.meta["val"].shape
    if values.meta["val"].shape != (*indices[0].meta["val"].shape, width):  # one value for several places
        return None
    places, values = _reshaped(graph, indices[0], -1), _reshaped(graph, values, -1, width)
    return _call(graph, OPS["summed_up"], values, places, rows)


def _is_embedding(table: Node, indices: Sequence[Node]) -> bool:
    """Whether (rows, columns) places are looked up in a (rows, width) table, in the types that the library reads."""
    if len(indices) != 1 or None in indices:
        return False
    numbers, places = table.meta["val"], indices[0].meta["val"]
    return (numbers.dtype, places.dtype, numbers.dim(), places.dim()) == (torch.float32, torch.int64, 2, 2)


def _reshaped(graph: Graph, node: Node, *shape: int) -> Node:
    return _call(graph, torch.ops.aten.reshape.default, node, list(shape))


def _call(graph: Graph, function: Callable[..., torch.Tensor], *arguments: Argument) -> Node:
    """A new node of the graph, with the shape and type of what it returns."""
    node = graph.call_function(function, arguments)
    node.meta["val"] = function(*torch.fx.map_arg(arguments, lambda argument: argument.meta["val"]))
    return node


def compile_options(compiler: str) -> dict[str, Any]:
    """The options of torch.compile with which every x86-64 CPU with AVX2 and FMA runs the same instructions.

    They hold for this process, into which the library is loaded.
    """
    load(compiler)
    return {
        "cpp.march": MARCH,
        "cpp.simdlen": 256,  # bits of a vector, which decide the order of a sum
        "cpp.vec_isa_ok": True,  # known: torch need not compile a trial for each kind of vector
        "post_grad_custom_post_pass": OwnKernels(),
        "aot_inductor.custom_ops_to_c_shims": {OPS[name]: [shim] for name, shim in SHIMS.items()},
    }


def load(compiler: str) -> ctypes.CDLL:
    """The library, loaded where compiled loops look for its functions.

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
