import math
from dataclasses import replace

import pytest

from pipeline.model.reproducible import TensorDataset, nn, torch
from pipeline.training.fit import (
    START,
    Epoch,
    TrainingState,
    finished,
    fit,
    weighted_mse_loss,
)
from pipeline.training.validation import validation_loss
from tests.support.recipes import EMBEDDING, in_one_block, make_network, make_recipe, make_rows, make_training, seeded


def same(one: TrainingState, other: TrainingState) -> bool:
    """True if both are the same to the last bit."""
    return (
        (one.history, one.kept_epoch) == (other.history, other.kept_epoch)
        and torch.equal(one.kept_weights, other.kept_weights)
        and all(map(torch.equal, one.resume_from, other.resume_from))
        and len(one.resume_from) == len(other.resume_from)
    )


def trained(recipe, **options):
    """The network after its training, and the last state."""
    training = make_training(recipe, **options)
    return training.network, training.run()[-1]


def weights(network):
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def losses(state):
    return [epoch.valid_mse for epoch in state.history]


@pytest.mark.parametrize("network", [{}, EMBEDDING], ids=["course", "embedding"])
def test_the_loop_is_the_textbook_loop_to_the_last_bit(network):
    recipe = make_recipe(**network, epochs=3)
    textbook = make_training(recipe)
    network, criterion = textbook.network, nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)
    for _ in range(3):
        for inputs, target in textbook.loader:
            optimizer.zero_grad()
            loss = criterion(network(inputs), target)
            loss.backward()
            optimizer.step()
    fitted, last = trained(recipe)
    assert torch.equal(weights(fitted), weights(network))
    assert torch.equal(last.kept_weights, weights(network))


def test_training_twice_gives_the_same_weights_and_another_seed_others():
    first, again, other = (trained(make_recipe(seed=seed))[1] for seed in (1, 1, 2))
    assert same(first, again)
    assert not torch.equal(first.kept_weights, other.kept_weights)


@pytest.mark.parametrize("network", [{}, EMBEDDING], ids=["course", "embedding"])
def test_training_learns(network):
    _, last = trained(make_recipe(**network, epochs=30, optimizer={"learning_rate": 0.005}))
    assert last.history[-1].train_mse < 0.7 * last.history[0].train_mse
    assert last.history[-1].valid_mse < 0.7 * last.history[0].valid_mse


@pytest.mark.parametrize("size", [4, 5, 42, 50])
def test_the_training_loss_is_the_mean_over_rows_also_with_a_smaller_last_batch(size):
    training = make_training(make_recipe(batch_size=size, epochs=1, optimizer={"learning_rate": 1e-30}))
    (only,) = training.run()
    rows = training.loader.dataset
    assert isinstance(rows, TensorDataset)
    assert only.history[0].train_mse == pytest.approx(validation_loss(training.network, in_one_block(rows)), rel=1e-5)


def test_the_last_epoch_is_kept_if_the_recipe_says_so():
    network, last = trained(make_recipe(epochs=4, keep="last"))
    assert last.kept_epoch == 4
    assert torch.equal(weights(network), last.kept_weights)


JUMPY = {"learning_rate": 0.2}


def test_the_best_epoch_is_kept_if_the_recipe_says_so():
    training = make_training(make_recipe(epochs=12, keep="best", optimizer=JUMPY))
    last = training.run()[-1]
    assert losses(last).index(min(losses(last))) + 1 == last.kept_epoch < 12
    nn.utils.vector_to_parameters(last.kept_weights, training.network.parameters())
    assert validation_loss(training.network, in_one_block(training.valid)) == min(losses(last))


def test_training_stops_after_as_many_epochs_without_progress_as_the_patience():
    _, last = trained(make_recipe(epochs=200, patience=3, keep="best", optimizer=JUMPY))
    assert len(last.history) == last.kept_epoch + 3 < 200


@pytest.mark.parametrize(
    ("valid", "patience", "expected"),
    [
        ([], 1, False),
        ([3.0], 1, False),
        ([3.0, 2.0], 1, False),
        ([3.0, 3.0], 1, True),
        ([3.0, 4.0], 2, False),
        ([3.0, 4.0, 5.0], 2, True),
        ([3.0, 4.0, 2.0], 2, False),
        ([3.0, 4.0, 5.0], None, False),
        ([5.0, 4.0, 3.0, 2.0], None, True),
        ([5.0, 4.0, 3.0, 2.0], 1, True),
    ],
)
def test_a_training_of_four_epochs_is_finished_when(valid, patience, expected):
    history = [Epoch(number, 0.0, loss) for number, loss in enumerate(valid, start=1)]
    assert finished(history, epochs=4, patience=patience) is expected


def test_a_largest_number_of_steps_makes_fewer_epochs_and_the_schedule_ends_with_them():
    settings = {"optimizer": {"schedule": "one_cycle"}}
    _, expected = trained(make_recipe(**settings, epochs=5))
    steps = len(make_training(make_recipe()).loader)
    _, found = trained(make_recipe(**settings, epochs=9, max_steps=4 * steps + 1))
    assert found.history == expected.history
    assert torch.equal(found.kept_weights, expected.kept_weights)


def test_a_largest_number_of_steps_that_the_epochs_do_not_make_changes_nothing():
    _, expected = trained(make_recipe(epochs=3))
    steps = len(make_training(make_recipe()).loader)
    _, found = trained(make_recipe(epochs=3, max_steps=3 * steps + 1))
    assert found.history == expected.history


def test_an_average_of_the_weights_is_what_is_validated_and_kept():
    training = make_training(make_recipe(epochs=3, optimizer={"ema_decay": 0.95}))
    last = training.run()[-1]
    assert not torch.allclose(weights(training.network), last.kept_weights, atol=1e-4)
    nn.utils.vector_to_parameters(last.kept_weights, training.network.parameters())
    assert validation_loss(training.network, in_one_block(training.valid)) == last.history[-1].valid_mse


def test_an_average_leaves_the_training_itself_as_it_was():
    plain, averaging = (trained(make_recipe(epochs=3, optimizer={"ema_decay": decay})) for decay in (None, 0.95))
    assert torch.equal(weights(plain[0]), weights(averaging[0]))
    assert [epoch.train_mse for epoch in plain[1].history] == [epoch.train_mse for epoch in averaging[1].history]


@pytest.mark.parametrize("optimizer", [{"clip_norm": 0.01}, {"weight_decay": 1.0}, {"betas": [0.5, 0.9]}])
def test_every_setting_of_the_optimizer_reaches_it(optimizer):
    usual, other = (trained(recipe)[1] for recipe in (make_recipe(), make_recipe(optimizer=optimizer)))
    assert not torch.equal(usual.kept_weights, other.kept_weights)


def test_a_loss_that_is_not_finite_stops_with_what_to_do():
    inputs, target = make_rows(make_network(make_recipe()), rows=42).tensors
    with pytest.raises(ValueError, match=r"must be finite, found nan on training .* in epoch 1; lower the recipe's"):
        trained(make_recipe(), train=TensorDataset(inputs, target.fill_(math.nan)))


def test_every_epoch_is_announced_when_it_is_over():
    announced = make_training(make_recipe(epochs=3)).run()
    assert [len(state.history) for state in announced] == [1, 2, 3]
    assert [epoch.epoch for epoch in announced[-1].history] == [1, 2, 3]
    assert announced[0].history == announced[-1].history[:1]


RECIPES = {
    "course, constant rate": {"epochs": 5},
    "course, best of one cycle": {"epochs": 6, "keep": "best", "optimizer": {"schedule": "one_cycle"} | JUMPY},
    "course, patience": {"epochs": 60, "patience": 3, "keep": "best", "optimizer": JUMPY},
    "course, average and clipping": {"epochs": 4, "optimizer": {"ema_decay": 0.9, "clip_norm": 0.5}},
    "embedding": {**EMBEDDING, "epochs": 5, "batch_size": 16, "optimizer": {"schedule": "one_cycle"}},
    "embedding, best average": {**EMBEDDING, "epochs": 5, "keep": "best", "optimizer": {"ema_decay": 0.8} | JUMPY},
    "embedding, equal rows once": {**EMBEDDING, "epochs": 4, "equal_rows": "once", "optimizer": {"schedule": "cosine"}},
}


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES.keys())
def test_a_training_interrupted_after_any_epoch_ends_with_the_same_bits(changes):
    recipe = make_recipe(**changes)
    uninterrupted = make_training(recipe).run()
    for index, state in enumerate(uninterrupted):
        resumed = make_training(recipe, seed=100 + index).run(start=state)  # all its draws come from the state
        assert len(resumed) == len(uninterrupted) - 1 - index
        assert all(map(same, resumed, uninterrupted[index + 1 :]))


@pytest.mark.parametrize("changes", [{"epochs": 3}, {"epochs": 99, "patience": 1, "optimizer": JUMPY}])
def test_a_finished_training_has_no_epoch_more(changes):
    recipe = make_recipe(**changes)
    last = make_training(recipe).run()[-1]
    assert make_training(recipe).run(start=last) == []


def test_a_state_does_not_change_while_the_training_goes_on():
    recipe = make_recipe(**EMBEDDING, epochs=3, optimizer={"ema_decay": 0.9})
    training = make_training(recipe)
    epochs = fit(training.network, loader=training.loader, valid=in_one_block(training.valid), recipe=recipe)
    first = next(epochs)
    copy = replace(
        first,
        kept_weights=first.kept_weights.clone(),
        resume_from=tuple(tensor.clone() for tensor in first.resume_from),
    )
    list(epochs)
    assert same(first, copy)


def test_the_start_is_no_epoch():
    assert not START.history
    assert not finished(START.history, epochs=1, patience=None)


def test_weights_of_one_make_the_weighted_loss_the_plain_one():
    prediction, target = torch.rand(2, 9, 1, generator=seeded())
    torch.testing.assert_close(
        weighted_mse_loss(prediction, target, torch.ones(9, 1)), nn.MSELoss()(prediction, target)
    )


def test_a_row_weighs_in_the_loss_what_it_is_given():
    prediction, target = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [5.0]])
    assert float(weighted_mse_loss(prediction, target, torch.tensor([[0.5], [2.0]]))) == (0.5 * 1 + 2 * 9) / 2
