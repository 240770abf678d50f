"""Adam on one flat vector: the whole network's weights in one update."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.model.reproducible import adamw, nn, torch

EPSILON = 1e-8


class FlatAdamW:
    """AdamW (decoupled weight decay; 0 makes it Adam) that sees all parameters of a network as one vector.

    Bit for bit torch.optim.AdamW(network.parameters(), fused=True), whose kernel it calls, in a fraction of the time:
    a small network spends its step on the overhead of many small tensors. From here on each parameter is a view of
    `weights`, and its gradient a view of `grad`. A gradient longer than `clip_norm` is cut to that length; with
    `ema_decay`, `average` follows the weights from where they start: average = decay · average + (1 - decay) · weights.

    Shape: weights, grad and average are (parameters,), in the order of network.parameters().
    Raises: RuntimeError from `step` if something else has replaced a gradient.
    Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), by torch.optim.adamw; the cut is
    torch.nn.utils.clip_grad_norm_'s, with the norm of the whole vector.

    >>> network = nn.Linear(1, 1)
    >>> optimizer = FlatAdamW(network, learning_rate=0.1, weight_decay=0.0)
    >>> before = network.weight.item()
    >>> network(torch.ones(1, 1)).sum().backward()
    >>> optimizer.step()
    >>> round(before - network.weight.item(), 6)
    0.1
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        learning_rate: float,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        clip_norm: float | None = None,
        ema_decay: float | None = None,
    ) -> None:
        self.learning_rate, self.weight_decay, self.betas = learning_rate, weight_decay, betas
        self.clip_norm, self.ema_decay = clip_norm, ema_decay
        parameters = list(network.parameters())
        self.weights = nn.utils.parameters_to_vector(parameters).detach()
        self.grad, self._mean, self._square = (torch.zeros_like(self.weights) for _ in range(3))
        self._steps = torch.zeros((), device=self.weights.device)
        self.average = self.weights if ema_decay is None else self.weights.clone()
        nn.utils.vector_to_parameters(self.weights, parameters)
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, grad in zip(parameters, torch.split(self.grad, sizes), strict=True):
            parameter.grad = grad.view_as(parameter)
        self._views = [(parameter, parameter.grad) for parameter in parameters]

    def state(self) -> tuple[torch.Tensor, ...]:
        """The tensors that the next step depends on: weights, running means, step count, and the average if any."""
        state = (self.weights, self._mean, self._square, self._steps)
        return state if self.ema_decay is None else (*state, self.average)

    def restore(self, state: Sequence[torch.Tensor]) -> None:
        """Go on from a state() of the same network and settings."""
        for own, other in zip(self.state(), state, strict=True):
            own.copy_(other)

    def zero_grad(self) -> None:
        """Clear every gradient with one write; a gradient set to None would be a view no longer."""
        self.grad.zero_()

    def step(self) -> None:
        """Move the weights against the gradients that backward() has added up since zero_grad()."""
        if any(parameter.grad is not view for parameter, view in self._views):
            raise RuntimeError("a gradient is no longer a view: call zero_grad() of the optimizer, not of the network")
        if self.clip_norm is not None:
            self.grad.mul_(_clip_factor(self.grad, self.clip_norm))
        adamw(
            [self.weights],
            [self.grad],
            [self._mean],
            [self._square],
            [],
            [self._steps],
            fused=True,
            amsgrad=False,
            maximize=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
        )
        if self.ema_decay is not None:
            self.average.mul_(self.ema_decay).add_(self.weights, alpha=1 - self.ema_decay)

    def updated(
        self, state: Sequence[torch.Tensor], grad: torch.Tensor, learning_rate: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """The state() after a step() with the gradient, equal to it up to rounding: a pure function, to be compiled.

        Shape: grad (parameters,), learning_rate a float64 number.
        """
        weights, mean, square, steps, *average = state
        beta1, beta2 = self.betas
        if self.clip_norm is not None:
            grad = grad * _clip_factor(grad, self.clip_norm)
        steps = steps + 1
        mean = mean + (grad - mean) * (1 - beta1)
        square = square * beta2 + grad * grad * (1 - beta2)
        exact = steps.double()  # 1 - beta ** steps cancels in single precision
        rate, root = (learning_rate / (1 - beta1**exact)).float(), (1 - beta2**exact).sqrt().float()
        weights = weights * (1 - learning_rate * self.weight_decay).float()
        weights = weights - rate * mean / (square.sqrt() / root + EPSILON)
        if self.ema_decay is not None:
            average = [average[0] * self.ema_decay + weights * (1 - self.ema_decay)]
        return weights, mean, square, steps, *average

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network computes with the average of its weights, if the settings ask for one, inside the block."""
        trained = self.weights.clone()
        self.weights.copy_(self.average)
        try:
            yield
        finally:
            self.weights.copy_(trained)


def _clip_factor(grad: torch.Tensor, clip_norm: float) -> torch.Tensor:
    factor: torch.Tensor = clip_norm / (torch.linalg.vector_norm(grad) + 1e-6)
    return factor.clamp(max=1.0)
