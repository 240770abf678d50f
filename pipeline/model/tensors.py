"""The tensors of a bundle: which ones its recipe implies, and how a safetensors file is held to them."""

import math
from collections.abc import Mapping
from itertools import pairwise

from pipeline.data.encoding import Encoder
from pipeline.data.schema import ORDINALS, TEXT, WORDS
from pipeline.model.reproducible import safetensors, torch
from pipeline.params import Embedding, Recipe

HEADER_BYTES = 512  # for each tensor, and for the file: as much JSON stands before the numbers at most
DAMAGE = (safetensors.SafetensorError, RuntimeError, KeyError)
"""What safetensors raises for a file that is none of its own, and for a type of numbers that torch does not have."""

Shapes = Mapping[str, tuple[int, ...]]


def weight_shapes(recipe: Recipe, encoder: Encoder) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of the network that `build` makes, by name; nothing is built."""
    features, network = recipe.features, recipe.network
    shapes: dict[str, tuple[int, ...]] = {}
    inputs, names = len(features), [f"layers.{2 * layer}" for layer in range(len(network.hidden) + 1)]  # ReLUs between
    if isinstance(network, Embedding):
        ordinals, has_words, sizes = sum(name in ORDINALS for name in features), TEXT in features, encoder.sizes()
        rows = sum(sizes[name] for name in (*features, *WORDS[:has_words]))  # all words share one vocabulary
        shapes = {"embedding.weight": (rows, network.width), "skip.weight": (rows, 1)}
        inputs = network.width * (len(features) - ordinals + has_words) + ordinals
        names = [*(f"hidden.{layer}" for layer in range(len(network.hidden))), "output"]
    for name, (width, outputs) in zip(names, pairwise([inputs, *network.hidden, 1]), strict=True):
        shapes |= {f"{name}.weight": (outputs, width), f"{name}.bias": (outputs,)}
    return shapes


def largest_file(shapes: Shapes, dtype: torch.dtype) -> int:
    """How many bytes a file with these tensors can have."""
    return HEADER_BYTES * (len(shapes) + 1) + dtype.itemsize * sum(map(math.prod, shapes.values()))


def read_tensors(content: bytes, *, where: str) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file. Raises: ValueError if it is none."""
    try:
        return safetensors.torch.load(content)
    except DAMAGE as error:
        raise ValueError(f"{where} must be a safetensors file, found {type(error).__name__}: {error}") from None


def check_tensors(tensors: Mapping[str, torch.Tensor], shapes: Shapes, dtype: torch.dtype, *, where: str) -> None:
    """Raise ValueError unless these are the tensors of these names and shapes, and all their numbers of this type."""
    expected = {name: f"{dtype} of shape {list(shape)}" for name, shape in shapes.items()}
    found = {name: f"{tensor.dtype} of shape {list(tensor.shape)}" for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            rule = f"{name[:80]!r} must be {expected.get(name, 'none of its tensors')}, as the recipe implies"
            raise ValueError(f"{where}: {rule}; found {found.get(name, 'no such tensor')}")
