"""FlatAdamW against torch's own optimizers."""

from itertools import pairwise

import pytest

from pipeline.adam import FlatAdamW
from pipeline.reproducible import nn, torch

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


def trained(make, optimizer_of):
    torch.manual_seed(0)
    model, loss = make(), nn.MSELoss()
    optimizer = optimizer_of(model)
    for _ in range(STEPS):
        x = torch.rand(4, 4)
        optimizer.zero_grad()
        loss(model(x), x.sum(1, keepdim=True)).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("weight_decay", [0.0, 0.03])
@pytest.mark.parametrize("make", [mlp, Embedded])
def test_weights_are_those_of_the_fused_adamw_bit_for_bit(make, weight_decay):
    flat = trained(make, lambda m: FlatAdamW(m, learning_rate=1e-2, weight_decay=weight_decay))
    fused = trained(make, lambda m: torch.optim.AdamW(m.parameters(), lr=1e-2, weight_decay=weight_decay, fused=True))
    assert flat.state_dict().keys() == fused.state_dict().keys()
    assert all(map(torch.equal, flat.state_dict().values(), fused.state_dict().values()))


def test_without_weight_decay_it_is_the_textbook_adam():
    flat = trained(mlp, lambda m: FlatAdamW(m, learning_rate=1e-2, weight_decay=0.0))
    adam = trained(mlp, lambda m: torch.optim.Adam(m.parameters(), lr=1e-2))
    torch.testing.assert_close(flat.state_dict(), adam.state_dict(), rtol=1e-4, atol=1e-5)  # the step is 1e-2


def test_parameters_and_gradients_are_views_of_the_flat_vectors():
    model = mlp()
    optimizer = FlatAdamW(model, learning_rate=0.1, weight_decay=0.0)
    model(torch.ones(1, 4)).sum().backward()
    assert torch.equal(optimizer.weights, torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(optimizer.grad, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert optimizer.grad.any()
    optimizer.zero_grad()
    assert not any(p.grad.any() for p in model.parameters() if p.grad is not None)


def test_gradients_add_up_until_they_are_cleared():
    model = mlp()
    optimizer = FlatAdamW(model, learning_rate=0.1, weight_decay=0.0)
    model(torch.ones(1, 4)).sum().backward()
    once = optimizer.grad.clone()
    model(torch.ones(1, 4)).sum().backward()
    assert torch.equal(optimizer.grad, 2 * once)


def test_the_learning_rate_may_change_between_steps():
    model = mlp()
    optimizer = FlatAdamW(model, learning_rate=0.1, weight_decay=0.0)
    model(torch.ones(1, 4)).sum().backward()
    before = optimizer.weights.clone()
    optimizer.learning_rate = 0.0
    optimizer.step()
    assert torch.equal(optimizer.weights, before)


def test_a_gradient_replaced_behind_its_back_is_an_error_not_a_lost_step():
    model = mlp()
    optimizer = FlatAdamW(model, learning_rate=0.1, weight_decay=0.0)
    model.zero_grad()
    model(torch.ones(1, 4)).sum().backward()
    with pytest.raises(RuntimeError, match=r"no longer a view: call zero_grad\(\) of the optimizer"):
        optimizer.step()
