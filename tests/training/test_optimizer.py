"""FlatAdamW and the schedules against torch's own."""

from functools import partial
from itertools import pairwise, product

import pytest

from pipeline.model.reproducible import nn, torch
from pipeline.training.optimizer import FlatAdamW, learning_rates
from tests.support.recipes import make_recipe

STEPS = 50


class Embedded(nn.Module):
    """Tables of several widths, a bag of words and a skip: what the salary network is made of."""

    def __init__(self):
        super().__init__()
        self.title, self.country, self.skip = nn.Embedding(30, 8), nn.Embedding(7, 5), nn.Embedding(30, 1)
        self.words = nn.Embedding(20, 8, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(21, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        code = (x * 7).long()
        parts = (self.title(code[:, 0]), self.country(code[:, 1] % 7), self.words(code[:, 2:]).sum(1))
        hidden = self.head(torch.cat(parts, 1))
        skip = self.skip(code[:, 0])
        return hidden + skip


def mlp():
    layers = [m for a, b in pairwise((4, 16, 8, 1)) for m in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def backward(model, *, seed=0):
    """The gradient of some rows, added to the model's."""
    x = torch.rand(4, 4, generator=torch.Generator().manual_seed(seed))
    nn.functional.mse_loss(model(x), x.sum(1, keepdim=True)).backward()


def train(model, optimizer, *, steps):
    for step in steps:
        optimizer.zero_grad()
        backward(model, seed=step)
        optimizer.step()


def trained(make, optimizer_of):
    torch.manual_seed(0)
    model = make()
    train(model, optimizer_of(model), steps=range(STEPS))
    return model


def make_optimizer(model, **settings):
    return FlatAdamW(model, **({"learning_rate": 1e-2, "weight_decay": 0.0} | settings))


@pytest.mark.parametrize(("weight_decay", "betas"), [(0.0, (0.9, 0.999)), (0.03, (0.9, 0.999)), (0.03, (0.7, 0.98))])
@pytest.mark.parametrize("make", [mlp, Embedded])
def test_weights_are_those_of_the_fused_adamw_bit_for_bit(make, weight_decay, betas):
    settings = {"weight_decay": weight_decay, "betas": betas}
    flat = trained(make, partial(make_optimizer, **settings))
    fused = trained(make, lambda m: torch.optim.AdamW(m.parameters(), lr=1e-2, fused=True, **settings))
    assert flat.state_dict().keys() == fused.state_dict().keys()
    assert all(map(torch.equal, flat.state_dict().values(), fused.state_dict().values()))


def test_without_weight_decay_it_is_the_textbook_adam():
    flat = trained(mlp, make_optimizer)
    adam = trained(mlp, lambda m: torch.optim.Adam(m.parameters(), lr=1e-2))
    torch.testing.assert_close(flat.state_dict(), adam.state_dict(), rtol=1e-4, atol=1e-5)  # the step is 1e-2


def test_parameters_and_gradients_are_views_of_the_flat_vectors():
    model = mlp()
    optimizer = make_optimizer(model)
    backward(model)
    assert torch.equal(optimizer.weights, torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(optimizer.grad, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert optimizer.grad.any()
    optimizer.zero_grad()
    assert not any(p.grad.any() for p in model.parameters() if p.grad is not None)


def test_gradients_add_up_until_they_are_cleared():
    model = mlp()
    optimizer = make_optimizer(model)
    backward(model)
    once = optimizer.grad.clone()
    backward(model)
    assert torch.equal(optimizer.grad, 2 * once)


def test_the_learning_rate_may_change_between_steps():
    model = mlp()
    optimizer = make_optimizer(model)
    backward(model)
    before = optimizer.weights.clone()
    optimizer.learning_rate = 0.0
    optimizer.step()
    assert torch.equal(optimizer.weights, before)


def test_a_gradient_replaced_behind_its_back_is_an_error_not_a_lost_step():
    model = mlp()
    optimizer = make_optimizer(model)
    model.zero_grad()
    backward(model)
    with pytest.raises(RuntimeError, match=r"no longer a view: call zero_grad\(\) of the optimizer"):
        optimizer.step()


@pytest.mark.parametrize("clip_norm", [1e-3, 0.5, 1e3])
def test_a_gradient_is_cut_as_torch_cuts_it(clip_norm):
    model = mlp()
    optimizer = make_optimizer(model, clip_norm=clip_norm)
    backward(model)
    oracle = [nn.Parameter(torch.zeros_like(view)) for view in model.parameters()]
    for parameter, view in zip(oracle, model.parameters(), strict=True):
        assert view.grad is not None
        parameter.grad = view.grad.clone()
    length = nn.utils.clip_grad_norm_(oracle, clip_norm)
    optimizer.step()
    expected = torch.cat([p.grad.flatten() for p in oracle if p.grad is not None])
    torch.testing.assert_close(optimizer.grad, expected, rtol=1e-6, atol=0)
    assert float(optimizer.grad.norm()) == pytest.approx(min(clip_norm, float(length)), rel=1e-5)


def test_a_limit_that_no_gradient_reaches_changes_no_bit():
    free, limited = trained(mlp, make_optimizer), trained(mlp, partial(make_optimizer, clip_norm=1e9))
    assert all(map(torch.equal, free.parameters(), limited.parameters()))


def test_the_average_follows_the_weights_from_where_they_start():
    model, decay = mlp(), 0.9
    optimizer = make_optimizer(model, ema_decay=decay)
    expected = optimizer.weights.double()
    assert torch.equal(optimizer.average, optimizer.weights)
    for step in range(20):
        train(model, optimizer, steps=[step])
        expected = decay * expected + (1 - decay) * optimizer.weights.double()
    torch.testing.assert_close(optimizer.average.double(), expected, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(optimizer.average, optimizer.weights, atol=1e-3)


def test_an_average_does_not_disturb_the_training():
    plain, averaging = trained(mlp, make_optimizer), trained(mlp, partial(make_optimizer, ema_decay=0.9))
    assert all(map(torch.equal, plain.parameters(), averaging.parameters()))


def test_inside_the_block_the_network_computes_with_the_average_and_behind_it_with_its_own_weights():
    model = mlp()
    optimizer = make_optimizer(model, ema_decay=0.9)
    train(model, optimizer, steps=range(5))
    weights, average = optimizer.weights.clone(), optimizer.average.clone()
    with optimizer.averaged():
        assert torch.equal(nn.utils.parameters_to_vector(model.parameters()), average)
    assert torch.equal(nn.utils.parameters_to_vector(model.parameters()), weights)
    assert torch.equal(optimizer.average, average)
    with pytest.raises(ZeroDivisionError), optimizer.averaged():
        raise ZeroDivisionError
    assert torch.equal(optimizer.weights, weights)


def test_without_an_average_the_block_changes_nothing():
    model = mlp()
    optimizer = make_optimizer(model)
    train(model, optimizer, steps=range(3))
    weights = optimizer.weights.clone()
    with optimizer.averaged():
        assert torch.equal(optimizer.weights, weights)
    assert torch.equal(optimizer.weights, weights)


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_restored_state_goes_on_as_if_nothing_had_happened(ema_decay):
    settings = {"weight_decay": 0.03, "clip_norm": 0.5, "ema_decay": ema_decay}
    model = mlp()
    optimizer = make_optimizer(model, **settings)
    train(model, optimizer, steps=range(10))
    state = [tensor.clone() for tensor in optimizer.state()]
    train(model, optimizer, steps=range(10, 20))

    other = mlp()
    restored = make_optimizer(other, **settings)
    restored.restore(state)
    train(other, restored, steps=range(10, 20))
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    assert all(map(torch.equal, optimizer.state(), restored.state()))


@pytest.mark.parametrize(
    ("weight_decay", "betas", "clip_norm", "ema_decay"),
    list(product([0.0, 0.03], [(0.9, 0.999), (0.7, 0.98)], [None, 0.1], [None, 0.9])),
)
def test_the_pure_update_is_the_step_up_to_rounding(weight_decay, betas, clip_norm, ema_decay):
    settings = {"weight_decay": weight_decay, "betas": betas, "clip_norm": clip_norm, "ema_decay": ema_decay}
    model = mlp()
    optimizer = make_optimizer(model, **settings)
    for step in range(10):
        optimizer.learning_rate = 0.01 / (1 + step)
        optimizer.zero_grad()
        backward(model, seed=step)
        before = [tensor.clone() for tensor in optimizer.state()]
        rate = torch.tensor([optimizer.learning_rate], dtype=torch.float64)
        factors = optimizer.factors(before[3], rate)
        updated = optimizer.updated(before, optimizer.grad.clone(), factors[0])
        optimizer.step()
        assert len(updated) == len(optimizer.state())
        for new, expected, old in zip(updated, optimizer.state(), before, strict=True):
            torch.testing.assert_close(new, expected, rtol=1e-5, atol=1e-7)
            assert not torch.equal(new, old)  # the state that it was given is left as it was


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
