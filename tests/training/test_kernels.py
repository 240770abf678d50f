"""How many of torch's operations a step and an epoch take: a guard of their speed that needs no clock."""

import pytest
from torch.profiler import ProfilerActivity, profile

from pipeline.model.reproducible import nn
from pipeline.training.engines import EagerLoop
from pipeline.training.fit import weighted_mse_loss
from pipeline.training.loader import batches
from pipeline.training.optimizer import FlatAdamW
from tests.support.recipes import EMBEDDING, make_recipe, make_training


def operations(run):
    """How many operations torch runs meanwhile, those within others included."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        run()
    return sum(event.name.startswith("aten::") for event in profiled.events())


@pytest.mark.parametrize(
    ("recipe", "of_a_step", "of_an_epoch"),
    [
        (make_recipe(), 136, 1600),
        (make_recipe(**EMBEDDING, equal_rows="once"), 465, 5261),
    ],
    ids=["course", "full"],
)
def test_a_step_and_an_epoch_take_no_more_operations_than_they_did(recipe, of_a_step, of_an_epoch):
    training = make_training(recipe)
    network, criterion = training.network.train(), weighted_mse_loss if recipe.equal_rows == "once" else nn.MSELoss()
    optimizer = FlatAdamW(network, **recipe.optimizer.model_dump(exclude={"schedule"}))
    loop, batch = EagerLoop(network, criterion, optimizer), next(batches(training.loader))
    assert operations(lambda: loop.step(batch, 0.1)) == of_a_step
    assert operations(lambda: loop.epoch(training.loader, iter([0.1] * len(training.loader)))) <= of_an_epoch
