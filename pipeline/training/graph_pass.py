"""Where a compiled graph calls our own kernels, and how torch compiles it.

A compilation imports it, and nothing else, since torch's compiler takes seconds to import.
"""

import hashlib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.model.reproducible import torch
from pipeline.training import kernels
from pipeline.training.kernels import OPS

CustomGraphPass: Any = import_module("torch._inductor.custom_graph_pass").CustomGraphPass
Graph = torch.fx.Graph
Node = torch.fx.Node
Argument = Node | int | list[int]


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
        return hashlib.sha256(Path(__file__).read_bytes() + kernels.SOURCE.encode()).hexdigest()


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
    kernels.load(compiler)
    return {
        "cpp.march": kernels.MARCH,
        "cpp.simdlen": 256,  # bits of a vector, which decide the order of a sum
        "cpp.vec_isa_ok": True,  # known: torch need not compile a trial for each kind of vector
        "post_grad_custom_post_pass": OwnKernels(),
        "aot_inductor.custom_ops_to_c_shims": {OPS[name]: [shim] for name, shim in kernels.SHIMS.items()},
    }
