import math

import numpy as np
import pytest

from pipeline.fit import Epoch, fit, learning_rates, validation_loss
from pipeline.network import build
from pipeline.params import Optimizer
from pipeline.reproducible import DataLoader, TensorDataset, nn, torch
from tests.recipes import make_recipe

ROWS = 42


def split(seed, rows=ROWS):
    """Four columns of codes as floats and a salary that depends on them. Shape: (rows, 4) and (rows, 1)."""
    draw = np.random.default_rng(seed)
    codes = torch.tensor(draw.integers(1, 5, (rows, 4)), dtype=torch.float32)
    noise = torch.tensor(draw.random((rows, 1)), dtype=torch.float32)
    return TensorDataset(codes, codes.sum(1, keepdim=True) / 4 - 2.5 + noise)


def trained(recipe, *, train=None, **overrides):
    generator = torch.Generator().manual_seed(recipe.seed)
    network = build(recipe, sizes={}, generator=generator)
    splits = {"train": train or split(1), "valid": split(2)} | overrides
    return network, fit(network, recipe=recipe, **splits)


def test_the_loop_is_the_textbook_loop_to_the_last_bit():
    recipe = make_recipe(epochs=3)
    generator = torch.Generator().manual_seed(recipe.seed)
    network = build(recipe, sizes={}, generator=generator)
    order = torch.Generator().manual_seed(recipe.seed)
    loader = DataLoader(split(1), batch_size=4, shuffle=True, generator=order)
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)
    for _ in range(3):
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = criterion(network(inputs), target)
            loss.backward()
            optimizer.step()
    _, fitted = trained(recipe)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, fitted.weights[name]), name


def test_training_twice_gives_the_same_weights_and_another_seed_others():
    first, again, other = (trained(make_recipe(seed=seed))[1] for seed in (1, 1, 2))
    assert all(torch.equal(weight, again.weights[name]) for name, weight in first.weights.items())
    assert first.history == again.history
    assert not all(torch.equal(weight, other.weights[name]) for name, weight in first.weights.items())


def test_training_learns():
    _, fitted = trained(make_recipe(epochs=30))
    assert fitted.history[-1].train_mse < 0.5 * fitted.history[0].train_mse
    assert fitted.history[-1].valid_mse < fitted.history[0].valid_mse


def test_the_validation_loss_is_the_mean_squared_error_over_the_whole_split():
    network, _ = trained(make_recipe(epochs=1))
    inputs, target = split(2).tensors
    with torch.no_grad():
        expected = nn.functional.mse_loss(network.double()(inputs.double()), target.double())
    assert validation_loss(network.float(), split(2)) == pytest.approx(float(expected), rel=1e-6)


def test_the_training_loss_is_the_mean_over_rows_also_with_a_smaller_last_batch():
    recipe = make_recipe(epochs=1, optimizer={"learning_rate": 1e-30, "weight_decay": 0.0, "schedule": "constant"})
    network, fitted = trained(recipe)
    assert fitted.history[0].train_mse == pytest.approx(validation_loss(network, split(1)), rel=1e-5)


def test_the_last_epoch_is_kept_if_the_recipe_says_so():
    network, fitted = trained(make_recipe(epochs=4, keep="last"))
    assert fitted.kept_epoch == 4
    assert all(torch.equal(weight, fitted.weights[name]) for name, weight in network.state_dict().items())


def test_the_best_epoch_is_kept_if_the_recipe_says_so():
    settings = {"learning_rate": 0.2, "weight_decay": 0.0, "schedule": "constant"}
    network, fitted = trained(make_recipe(epochs=12, keep="best", optimizer=settings))
    losses = [epoch.valid_mse for epoch in fitted.history]
    assert losses.index(min(losses)) + 1 == fitted.kept_epoch < 12
    network.load_state_dict(fitted.weights)
    assert validation_loss(network, split(2)) == min(losses)


def test_training_stops_after_as_many_epochs_without_progress_as_the_patience():
    settings = {"learning_rate": 0.2, "weight_decay": 0.0, "schedule": "constant"}
    _, fitted = trained(make_recipe(epochs=200, patience=3, keep="best", optimizer=settings))
    losses = [epoch.valid_mse for epoch in fitted.history]
    assert len(losses) == losses.index(min(losses)) + 1 + 3 < 200


def test_a_loss_that_is_not_finite_stops_with_what_to_do():
    inputs, target = split(1).tensors
    with pytest.raises(ValueError, match=r"must be finite, found nan on training .* in epoch 1; lower the recipe's"):
        trained(make_recipe(), train=TensorDataset(inputs, target.fill_(math.nan)))


def test_every_epoch_is_announced_once():
    seen: list[Epoch] = []
    _, fitted = trained(make_recipe(epochs=3), on_epoch=seen.append)
    assert tuple(seen) == fitted.history
    assert [epoch.epoch for epoch in seen] == [1, 2, 3]


ONE_CYCLE = Optimizer(learning_rate=0.25, weight_decay=0.0, schedule="one_cycle")


def test_a_constant_rate_is_constant():
    assert list(learning_rates(make_recipe().optimizer, steps=7)) == [0.001] * 7


@pytest.mark.parametrize("steps", [4, 10, 101, 1000])
def test_one_cycle_is_torchs_with_straight_lines(steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.25)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.25, total_steps=steps, anneal_strategy="linear", cycle_momentum=False
    )
    expected = []
    for step in range(steps):
        expected.append(schedule.get_last_lr()[0])
        optimizer.step()
        if step < steps - 1:
            schedule.step()
    assert list(learning_rates(ONE_CYCLE, steps=steps)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_of_few_steps_stays_within_the_peak(steps):
    rates = list(learning_rates(ONE_CYCLE, steps=steps))
    assert len(rates) == steps
    assert all(0 < rate <= 0.25 for rate in rates)
