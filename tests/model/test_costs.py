from typing import Any

import pytest

from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import FEATURES
from pipeline.model.costs import parameters_by_feature
from pipeline.model.network import build
from pipeline.model.reproducible import torch
from tests.support.recipes import EMBEDDING, make_recipe

ENCODER = Encoder(dict.fromkeys(FEATURES, tuple(range(3))), ("data", "engineer"), Scaling("standard", 1e5, 5e4))


def test_a_number_costs_a_weight_in_each_unit_of_the_first_layer():
    recipe = make_recipe()
    assert parameters_by_feature(recipe, ENCODER) == dict.fromkeys(recipe.features, recipe.network.hidden[0])


def test_an_embedded_value_costs_its_code_vectors_and_their_weights_and_a_title_its_words_too():
    recipe = make_recipe(**EMBEDDING)
    network: Any = recipe.network
    width, units = network.width, network.hidden[0]
    found = parameters_by_feature(recipe, ENCODER)
    assert found["company_location"] == 4 * (width + 1) + width * units
    assert found["job_title"] == (4 + 3) * (width + 1) + 2 * width * units
    assert found["work_year"] < found["company_location"]


@pytest.mark.parametrize("changes", [{}, EMBEDDING])
def test_the_only_feature_costs_the_whole_network(changes):
    recipe = make_recipe(**{**changes, "features": ["company_size"]})
    network = build(recipe, ENCODER, generator=torch.Generator())
    assert parameters_by_feature(recipe, ENCODER) == {
        "company_size": sum(parameter.numel() for parameter in network.parameters())
    }
