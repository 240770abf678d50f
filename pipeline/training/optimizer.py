"""Adam on one flat vector, the whole network's weights in one update, and its learning rate at each step."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pipeline.model.reproducible import adamw, nn, torch
from pipeline.params import Optimizer

EPSILON = 1e-8


class FlatAdamW:
    """AdamW (decoupled weight decay; 0 makes it Adam) that sees all parameters of a network as one vector.

    Bit for bit torch.optim.AdamW(network.parameters(), fused=True), whose kernel it calls, in a fraction of the time:
    a small network spends its step on the overhead of many small tensors. From here on each parameter is a view of
    `weights`, and its gradient a view of `grad`. A gradient longer than `clip_norm` is cut to that length; with
    `ema_decay`, `average` follows the weights from where they start: average = decay · average + (1 - decay) · weights.

    Step t, with the weights w, their gradient g, the learning rate r, the weight decay d, the betas b1 and b2, and the
    running means m of g and v of g²:
        m = b1 · m + (1 - b1) · g,  v = b2 · v + (1 - b2) · g²
        w = w - r · d · w - r · m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + EPSILON)

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
        self._update = partial(
            adamw, fused=True, amsgrad=False, maximize=False, beta1=betas[0], beta2=betas[1], weight_decay=weight_decay
        )
        parameters = list(network.parameters())
        self.weights = nn.utils.parameters_to_vector(parameters).detach()  # (parameters,), a copy
        self.grad, self._m, self._v = (torch.zeros_like(self.weights) for _ in range(3))  # each (parameters,)
        self._t = torch.zeros((), device=self.weights.device)  # steps so far, where torch's fused kernel looks for them
        self.average = self.weights if ema_decay is None else self.weights.clone()
        nn.utils.vector_to_parameters(self.weights, parameters)  # makes each parameter a view of the vector
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, grad in zip(parameters, torch.split(self.grad, sizes), strict=True):
            parameter.grad = grad.view_as(parameter)
        self._views = [(parameter, parameter.grad) for parameter in parameters]

    def state(self) -> tuple[torch.Tensor, ...]:
        """The tensors that the next step depends on: w, m, v and t, and the average if there is one."""
        state = (self.weights, self._m, self._v, self._t)
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
        w, g, m, v, t = ([tensor] for tensor in (self.weights, self.grad, self._m, self._v, self._t))
        self._update(w, g, m, v, [], t, lr=self.learning_rate, eps=EPSILON)  # [] would be amsgrad's
        if self.ema_decay is not None:
            # average = decay · average + (1 - decay) · weights
            self.average.mul_(self.ema_decay).add_(self.weights, alpha=1 - self.ema_decay)

    def factors(self, t: torch.Tensor, learning_rates: torch.Tensor) -> torch.Tensor:
        """What `updated` needs of the learning rate in each step after the t-th.

        Each row has 1 - r · d, r / (1 - b1^t) and sqrt(1 - b2^t). They are worked out apart from the weights, since the
        compiler would take the powers anew for every few of them.
        Shape: t a number, learning_rates (n,) float64; returns (n, 3).
        """
        beta1, beta2 = self.betas
        steps = t + torch.arange(1, len(learning_rates) + 1, dtype=torch.float64, device=t.device)  # (n,)
        decay, rate = 1 - learning_rates * self.weight_decay, learning_rates / (1 - beta1**steps)
        return torch.stack([decay, rate, (1 - beta2**steps).sqrt()], dim=1).float()

    def updated(
        self, state: Sequence[torch.Tensor], grad: torch.Tensor, factors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """The state() after a step() with the gradient, equal to it up to rounding: a pure function, to be compiled.

        Shape: grad (parameters,), factors (3,).
        """
        weights, m, v, t, *average = state
        beta1, beta2 = self.betas
        decay, rate, root = factors.unbind()
        if self.clip_norm is not None:
            grad = grad * _clip_factor(grad, self.clip_norm)
        m = m + (grad - m) * (1 - beta1)  # the same as b1 · m + (1 - b1) · g
        v = v * beta2 + grad * grad * (1 - beta2)
        weights = weights * decay - rate * m / (v.sqrt() / root + EPSILON)  # (parameters,)
        if self.ema_decay is not None:
            average = [average[0] * self.ema_decay + weights * (1 - self.ema_decay)]
        return weights, m, v, t + 1, *average

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network computes with the average of its weights, if the settings ask for one, inside the block."""
        trained = self.weights.clone()
        self.weights.copy_(self.average)
        try:
            yield
        finally:
            self.weights.copy_(trained)


def learning_rates(settings: Optimizer, *, steps: int) -> Iterator[float]:
    """The learning rate of each step: constant; down to 0 along half a cosine; or up and down in straight lines.

    Source: Loshchilov & Hutter, "SGDR" (2017), and Smith & Topin, "Super-Convergence" (2018), with the shares of
    torch's CosineAnnealingLR and OneCycleLR, the tests' oracles.
    """
    peak = settings.learning_rate
    # one cycle: from `first` up to the peak at step `turn`, 30 % of the way, then down to `last` at the last step
    first, last, turn = peak / 25, peak / 250_000, 0.3 * steps - 1
    for step in range(steps):
        if settings.schedule == "constant":
            yield peak
        elif settings.schedule == "cosine":
            yield peak * half_cosine(step / steps)  # SGDR's eta_max / 2 · (1 + cos(pi · T_cur / T_i)), without restarts
        elif step <= turn:
            yield first + (peak - first) * (step / turn)
        else:
            yield peak + (last - peak) * ((step - turn) / (steps - 1 - turn))


def half_cosine(share: float) -> float:
    """(1 + cos(pi · share)) / 2 for a share from 0 to 1, by its series: the last place of libm's cos follows the CPU.

    >>> half_cosine(0.0), half_cosine(0.5), half_cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    if share > 0.5:
        return 1 - half_cosine(1 - share)  # the series converges fastest near 0
    x_squared, total, term = (math.pi * share) ** 2, 1.0, 1.0
    for n in range(1, 12):  # cos x = sum of (-1)^n · x^(2n) / (2n)!, each term made from the one before
        term *= -x_squared / ((2 * n - 1) * (2 * n))
        total += term
    return (1 + total) / 2


def _clip_factor(grad: torch.Tensor, clip_norm: float) -> torch.Tensor:
    """What to multiply the gradient with: clip_norm / its length if it is longer, else 1. Shape: returns a number."""
    factor: torch.Tensor = clip_norm / (torch.linalg.vector_norm(grad) + 1e-6)
    return factor.clamp(max=1.0)
