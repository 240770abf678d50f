"""The network by hand in C is right, so that it is training what it is fast at."""

from itertools import pairwise

import numpy as np

from benchmarks.speed.handwritten_c import Net, c_steps
from benchmarks.speed.tasks import LEARNING_RATE
from pipeline.model.reproducible import nn, torch
from tests.benchmarks.speed.conftest import BATCH, ROWS


def weights_after_torch(task, order):
    """Torch's Adam on the same weights and batches, its weights in a Net's order."""
    net = Net(task)
    layers = [nn.Linear(*pair) for pair in pairwise(net.widths)]
    with torch.no_grad():
        for layer, part in zip(layers, parts(net), strict=True):
            layer.weight.copy_(part[:-1].T)
            layer.bias.copy_(part[-1])
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for indices in torch.split(torch.from_numpy(order), task.batch):
        inputs, target = task.rows[indices]
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), target).backward()
        optimizer.step()
    return torch.cat([torch.cat([layer.weight.T, layer.bias[None]]).flatten() for layer in layers]).detach().numpy()


def parts(net):
    shapes = [(1 + inputs, outputs) for inputs, outputs in pairwise(net.widths)]
    split = torch.split(torch.from_numpy(net.weights), [rows * columns for rows, columns in shapes])
    return [part.view(shape) for part, shape in zip(split, shapes, strict=True)]


def test_c_trains_as_torch_does(task):
    net, order = Net(task), np.random.default_rng(1).permutation(ROWS)
    c_steps(net, batch=BATCH)(order)
    np.testing.assert_allclose(net.weights, weights_after_torch(task, order), atol=1e-6)


def test_an_epoch_takes_the_rows_in_a_new_order(task):
    orders: list[np.ndarray] = []
    Net(task).shuffled(orders.append)(2)
    first, second = orders
    assert sorted(first) == sorted(second) == list(range(ROWS))
    assert not np.array_equal(first, second)
