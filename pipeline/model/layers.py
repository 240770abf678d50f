"""What the networks are made of: ReLU layers, dropout from given noise, and how weights are drawn."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from pipeline.model.reproducible import nn, torch


def relu_layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given widths with ReLU behind each, then one linear output."""
    layers = [module for pair in pairwise(widths) for module in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


def relu_and_dropout(values: torch.Tensor, noise: torch.Tensor | None, *, rate: float) -> torch.Tensor:
    """Zero where the value is negative or the noise below the rate, the others scaled up; without noise, ReLU alone.

    One mask for both: the pinned code of ReLU's derivative branches at each number and takes longer than the product.
    Shape: values and noise (rows, width); returns (rows, width).
    Source: torch.nn.Dropout, which draws its noise from the global generator.

    >>> relu_and_dropout(torch.tensor([1.0, 1.0, -1.0]), torch.tensor([0.1, 0.9, 0.9]), rate=0.5) + 0
    tensor([0., 2., 0.])
    """
    if noise is None:
        return values.relu()
    return values * (mask(torch.gt, values, 0) * mask(torch.ge, noise, rate)) / (1 - rate)


def mask(
    compare: Callable[..., torch.Tensor], values: torch.Tensor, limit: float, *, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """1 where the comparison with the limit holds, else 0: numbers of the type that they are to multiply.

    A product with booleans would make numbers of them each time.
    Shape: any; returns the same.

    >>> mask(torch.ge, torch.tensor([0.2, 0.3]), 0.3)
    tensor([0., 1.])
    """
    return compare(values.detach(), limit, out=torch.empty(values.shape, dtype=dtype, device=values.device))


def positive(values: torch.Tensor, *, bend: float) -> torch.Tensor:
    """Squareplus: nearly 0 far below 0, nearly the value far above, and half of `bend` at 0; never negative.

    It needs a square root alone, which all processors round alike, as they do not the exponential of softplus. It is
    taken as x / sqrt(x), since `torch.sqrt` is MKL's, and another on each CPU. Rounding could leave it just below 0.
    Shape: any; returns the same.
    Source: Barron, "Squareplus: A Softplus-Like Algebraic Rectifier" (2021), its b written as the square of `bend`.

    >>> positive(torch.tensor([-100.0, 0.0, 100.0]), bend=2.0)
    tensor([1.0002e-02, 1.0000e+00, 1.0001e+02])
    """
    squares = values * values + bend * bend
    return (values + squares * squares.rsqrt()).relu() / 2


@torch.no_grad()
def initialise(network: nn.Module, *, generator: torch.Generator) -> None:
    """Draw all weights anew from the generator; linear skips start at zero.

    Source: torch's default for linear layers, uniform within 1 / sqrt(inputs); embeddings have that variance times 3.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            for parameter in (module.weight, module.bias):  # (outputs, inputs) and (outputs,)
                _draw(parameter, 1 / math.sqrt(module.in_features), generator)
        elif isinstance(module, nn.Embedding):  # uniform within +-b has the variance b² / 3: here 1 / width
            is_skip = module.embedding_dim == 1
            _draw(module.weight, 0.0 if is_skip else math.sqrt(3 / module.embedding_dim), generator)


def _draw(parameter: torch.Tensor, bound: float, generator: torch.Generator) -> None:
    parameter.copy_((torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound)  # uniform in -bound to bound
