"""A task for the training loops: a few made-up rows and a small network of plain layers."""

import pytest

from benchmarks.speed.tasks import Task
from pipeline.model.reproducible import TensorDataset, torch
from tests.support.recipes import make_recipe

ROWS, BATCH = 240, 8


@pytest.fixture
def task():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(ROWS, 4, generator=generator)
    recipe = make_recipe(network={"kind": "mlp", "hidden": [7, 5]})
    return Task(recipe, BATCH, TensorDataset(inputs, inputs.sum(1, keepdim=True)))
