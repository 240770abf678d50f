"""handwritten_c.c in Python, compiled by numba."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numba import njit

from benchmarks.speed.handwritten_c import Net
from benchmarks.speed.tasks import LEARNING_RATE, Task, Train

Array = np.ndarray
Layers = tuple[Array, ...]
ZERO = np.float32(0)
BETAS = np.array([0.9, 0.999])


def numba(task: Task) -> Train:
    """The course's network, gradients derived by hand."""
    net = Net(task)
    return net.shuffled(numba_steps(net, batch=task.batch))


def numba_steps(net: Net, *, batch: int) -> Callable[[Array], None]:
    """Steps on rows in the order given."""
    grad = np.zeros_like(net.weights)
    weights, grads = layers(net.weights, net.widths), layers(grad, net.widths)

    def steps(order: Array) -> None:
        state = (net.weights, net.mean, net.square, net.powers)
        train(order.reshape(-1, batch), net.inputs, net.target, grad, state, weights, grads, LEARNING_RATE)

    return steps


def layers(vector: Array, widths: tuple[int, ...]) -> Layers:
    """The vector's parts as matrices, (1 + inputs, outputs) each."""
    shapes = [(1 + inputs, outputs) for inputs, outputs in pairwise(widths)]
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    return tuple(part.reshape(shape) for part, shape in zip(np.split(vector, ends), shapes, strict=False))


@njit(fastmath=True)
def forward(layer: Array, x: Array, y: Array) -> None:
    """A layer's outputs, y = x W + b. Shape: layer (1 + inputs, outputs), the last row b; x (inputs,); y (outputs,)."""
    for o in range(y.size):
        y[o] = layer[x.size, o]
    for i in range(x.size):
        for o in range(y.size):
            y[o] += x[i] * layer[i, o]


@njit(fastmath=True)
def relu(x: Array) -> None:
    """Zero below zero, in place."""
    for i in range(x.size):
        x[i] = max(x[i], ZERO)


@njit(fastmath=True)
def backward(x: Array, dy: Array, grad: Array) -> None:
    """Add to the layer's gradient, dW += x dyᵀ and db += dy. Shape: grad as the layer."""
    for i in range(x.size):
        for o in range(dy.size):
            grad[i, o] += x[i] * dy[o]
    for o in range(dy.size):
        grad[x.size, o] += dy[o]


@njit(fastmath=True)
def through_relu(layer: Array, x: Array, dy: Array, dx: Array) -> None:
    """The gradient of what the ReLU before the layer read: dx = W dy where x > 0, else 0."""
    for i in range(x.size):
        total = ZERO
        for o in range(dy.size):
            total += layer[i, o] * dy[o]
        dx[i] = total if x[i] > 0 else ZERO


@njit(fastmath=True)
def adam(grad: Array, weights: Array, mean: Array, square: Array, powers: Array, rate: float) -> None:
    """One step of Adam. Shape: powers (2,), each beta to the power of the step; all other arrays (weights,)."""
    powers *= BETAS
    step, root = np.float32(rate / (1 - powers[0])), np.float32(1 / np.sqrt(1 - powers[1]))
    for i in range(grad.size):
        mean[i] += (grad[i] - mean[i]) * np.float32(0.1)
        square[i] = square[i] * np.float32(0.999) + grad[i] * grad[i] * np.float32(0.001)
        weights[i] -= step * mean[i] / (np.sqrt(square[i]) * root + np.float32(1e-8))


@njit(fastmath=True)
def train(
    order: Array, inputs: Array, target: Array, grad: Array, state: Layers, weights: Layers, grads: Layers, rate: float
) -> None:
    """Steps, one for each row of `order`. Shape: order (steps, batch), the indices of the rows to train on."""
    h1, h2, y = np.empty_like(weights[0][0]), np.empty_like(weights[1][0]), np.empty_like(weights[2][0])
    d1, d2, d3 = np.empty_like(h1), np.empty_like(h2), np.empty_like(y)
    scale = np.float32(2 / order.shape[1])
    for batch in order:
        grad[:] = 0
        for row in batch:
            forward(weights[0], inputs[row], h1)
            relu(h1)
            forward(weights[1], h1, h2)
            relu(h2)
            forward(weights[2], h2, y)
            d3[0] = (y[0] - target[row]) * scale
            backward(h2, d3, grads[2])
            through_relu(weights[2], h2, d3, d2)
            backward(h1, d2, grads[1])
            through_relu(weights[1], h1, d2, d1)
            backward(inputs[row], d1, grads[0])
        adam(grad, *state, rate)
