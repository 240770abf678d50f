"""The schedules against torch's own."""

import pytest

from pipeline.model.reproducible import nn, torch
from pipeline.training.schedule import learning_rates
from tests.support.recipes import make_recipe


def rates(steps, **settings):
    return list(learning_rates(make_recipe(optimizer={"learning_rate": 0.25} | settings).optimizer, steps=steps))


def torchs_rates(steps, schedule_of):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.25)
    schedule, found = schedule_of(optimizer), []
    for step in range(steps):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        if step < steps - 1:
            schedule.step()
    return found


def test_a_constant_rate_is_constant():
    assert rates(7, schedule="constant") == [0.25] * 7


@pytest.mark.parametrize("steps", [4, 10, 101, 1000])
def test_one_cycle_is_torchs_with_straight_lines(steps):
    def schedule(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.25, total_steps=steps, anneal_strategy="linear", cycle_momentum=False
        )

    expected = torchs_rates(steps, schedule)
    assert rates(steps, schedule="one_cycle") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_of_few_steps_stays_within_the_peak(steps):
    found = rates(steps, schedule="one_cycle")
    assert len(found) == steps
    assert all(0 < rate <= 0.25 for rate in found)


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_cosine_is_torchs(steps):
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR
    expected = torchs_rates(steps, lambda optimizer: cosine(optimizer, T_max=steps))
    assert rates(steps, schedule="cosine") == pytest.approx(expected, rel=1e-9)
