from typing import Any

import numpy as np
import pytest

from pipeline.model import tensors
from tests.support.recipes import EMBEDDING, ENCODER, make_network, make_recipe

RECIPES: dict[str, dict[str, Any]] = {
    "course": {},
    "one layer": {"network": {"kind": "mlp", "hidden": []}, "features": ["work_year"]},
    "embedding": EMBEDDING,
    "no text": {**EMBEDDING, "features": ["work_year", "company_location"]},
    "ordinals alone": {**EMBEDDING, "features": ["work_year", "company_size"]},
    "no hidden layers": {**EMBEDDING, "network": {**EMBEDDING["network"], "hidden": []}},
}


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_the_shapes_that_a_recipe_implies_are_those_of_its_network(changes):
    recipe = make_recipe(**changes)
    weights = make_network(recipe).weights()
    shapes = tensors.weight_shapes(recipe, ENCODER)
    assert shapes == {name: tuple(weight.shape) for name, weight in weights.items()}
    tensors.check_tensors(weights, shapes, np.float32, where="weights")
    assert len(tensors.to_bytes(weights)) <= tensors.largest_file(shapes, np.float32)


def test_shapes_of_any_size_are_told_without_building():
    recipe = make_recipe(network={"kind": "mlp", "hidden": [10**18, 10**18]})
    shapes = tensors.weight_shapes(recipe, ENCODER)
    assert shapes["layers.2.weight"] == (10**18, 10**18)
    assert shapes["layers.0.weight"] == (10**18, 4)
    assert tensors.largest_file(shapes, np.float32) > 10**36


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, r"'a' must be int16 of shape \[2\], as the recipe implies; found no such tensor"),
        ({"a": np.zeros(2, np.float32)}, r"'a' must be .*; found float32 of shape \[2\]"),
        ({"a": np.zeros(3, np.int16)}, r"'a' must be .*; found int16 of shape \[3\]"),
        (
            {"a": np.zeros(2, np.int16), "b\n": np.zeros(1, np.float32)},
            r"'b\\n' must be none of its tensors, .*; found float32 of shape \[1\]",
        ),
    ],
)
def test_other_tensors_are_named(found, message):
    with pytest.raises(ValueError, match=f"^rows: {message}"):
        tensors.check_tensors(found, {"a": (2,)}, np.int16, where="rows")
