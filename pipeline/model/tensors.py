"""The tensors of a bundle: which ones its recipe implies, and how a safetensors file is held to them; without torch."""

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from pipeline.data.encoding import Encoder
from pipeline.model.code_columns import CodeColumns
from pipeline.params import Embedding, Mlp, Recipe

HEADER_BYTES = 512  # for each tensor, and for the file: as much JSON stands before the numbers at most
Shapes = Mapping[str, tuple[int, ...]]


def weight_shapes(recipe: Recipe, encoder: Encoder) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of the network that `network.build` makes, by name; nothing is built."""
    features, network = recipe.features, recipe.network
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = len(features)
    if isinstance(network, Embedding):
        columns = CodeColumns.of(features, encoder)
        shapes = {"embedding.weight": (columns.rows, network.width), "skip.weight": (columns.rows, 1)}
        inputs = columns.inputs(network.width)
    for name, (width, outputs) in zip(layer_names(network), pairwise([inputs, *network.hidden, 1]), strict=True):
        shapes |= {f"{name}.weight": (outputs, width), f"{name}.bias": (outputs,)}
    return shapes


def layer_names(network: Mlp | Embedding) -> list[str]:
    """The names of its linear layers, from the first to the output."""
    if isinstance(network, Mlp):
        return [f"layers.{2 * number}" for number in range(len(network.hidden) + 1)]  # ReLUs between
    return [*(f"hidden.{number}" for number in range(len(network.hidden))), "output"]


def largest_file(shapes: Shapes, dtype: type[np.generic]) -> int:
    """How many bytes a file with these tensors can have."""
    return HEADER_BYTES * (len(shapes) + 1) + np.dtype(dtype).itemsize * sum(map(math.prod, shapes.values()))


def to_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    """A safetensors file with these tensors: the same bytes for the same ones."""
    content: bytes = safetensors.numpy.save({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)})
    return content


def read_tensors(content: bytes, *, where: str) -> dict[str, np.ndarray]:
    """All tensors of a safetensors file. Raises: ValueError if it is none."""
    try:
        return safetensors.numpy.load(content)
    except SafetensorError as error:
        raise ValueError(f"{where} must be a safetensors file, found {type(error).__name__}: {error}") from None
    except KeyError as error:  # such as BF16
        raise ValueError(f"{where} must hold numbers of a type that numpy has, found {error}") from None


def check_tensors(tensors: Mapping[str, np.ndarray], shapes: Shapes, dtype: type[np.generic], *, where: str) -> None:
    """Raise ValueError unless these are the tensors of these names and shapes, and all their numbers of this type."""
    expected = {name: f"{dtype.__name__} of shape {list(shape)}" for name, shape in shapes.items()}
    found = {name: f"{tensor.dtype} of shape {list(tensor.shape)}" for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            rule = f"{name[:80]!r} must be {expected.get(name, 'none of its tensors')}, as the recipe implies"
            raise ValueError(f"{where}: {rule}; found {found.get(name, 'no such tensor')}")
