"""What a feature costs a network: the parameters that it would not have without it."""

import math
from collections.abc import Sequence

from pipeline.data.encoding import Encoder
from pipeline.model.tensors import weight_shapes
from pipeline.params import Recipe


def parameters_by_feature(recipe: Recipe, encoder: Encoder) -> dict[str, int]:
    """How many parameters fewer the recipe's network would have without each of its features."""
    features = recipe.features
    whole = _parameters(features, recipe, encoder)
    others = {name: [other for other in features if other != name] for name in features}
    return {name: whole - _parameters(others[name], recipe, encoder) for name in features}


def _parameters(features: Sequence[str], recipe: Recipe, encoder: Encoder) -> int:
    """Those of the network of these features: without any there is none."""
    if not features:
        return 0
    shapes = weight_shapes(recipe.model_copy(update={"features": tuple(features)}), encoder)
    return sum(map(math.prod, shapes.values()))
