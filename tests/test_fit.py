import math

import numpy as np
import pytest

from pipeline.fit import Epoch, fit, learning_rates, validation_loss
from pipeline.network import build
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


def rates(recipe, steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=recipe.optimizer.learning_rate)
    schedule = learning_rates(optimizer, recipe, steps=steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_a_constant_rate_is_constant():
    assert set(rates(make_recipe(), 7)) == {0.001}


def test_one_cycle_climbs_to_the_rate_and_falls_to_almost_nothing_in_straight_lines():
    settings = {"learning_rate": 0.25, "weight_decay": 0.0, "schedule": "one_cycle"}
    found = rates(make_recipe(optimizer=settings), 101)
    peak = found.index(max(found))
    assert max(found) == pytest.approx(0.25, rel=0.05)
    assert np.diff(found[: peak - 1]) == pytest.approx(found[1] - found[0])
    assert np.diff(found[peak + 1 :]) == pytest.approx(found[-1] - found[-2])
    assert found[0] == pytest.approx(0.01)
    assert found[-1] < 0.005
