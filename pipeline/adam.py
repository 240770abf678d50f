"""Adam on one flat vector: the whole network's weights in one update."""

from pipeline.reproducible import adamw, nn, torch

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class FlatAdamW:
    """AdamW (decoupled weight decay; 0 makes it Adam) that sees all parameters of a network as one vector.

    Bit for bit torch.optim.AdamW(network.parameters(), fused=True), whose kernel it calls, in a fraction of the time:
    a small network spends its step on the overhead of many small tensors. From here on each parameter is a view of
    `weights`, and its gradient a view of `grad`.

    Shape: weights and grad are (parameters,), in the order of network.parameters().
    Raises: RuntimeError from `step` if something else has replaced a gradient.
    Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), by torch.optim.adamw.

    >>> network = nn.Linear(1, 1)
    >>> optimizer = FlatAdamW(network, learning_rate=0.1, weight_decay=0.0)
    >>> before = network.weight.item()
    >>> network(torch.ones(1, 1)).sum().backward()
    >>> optimizer.step()
    >>> round(before - network.weight.item(), 6)
    0.1
    """

    def __init__(self, network: nn.Module, *, learning_rate: float, weight_decay: float) -> None:
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        parameters = list(network.parameters())
        self.weights = nn.utils.parameters_to_vector(parameters).detach()
        self.grad, self._mean, self._square = (torch.zeros_like(self.weights) for _ in range(3))
        self._steps = torch.zeros(())
        nn.utils.vector_to_parameters(self.weights, parameters)
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, grad in zip(parameters, torch.split(self.grad, sizes), strict=True):
            parameter.grad = grad.view_as(parameter)
        self._views = [(parameter, parameter.grad) for parameter in parameters]

    def zero_grad(self) -> None:
        """Clear every gradient with one write; a gradient set to None would be a view no longer."""
        self.grad.zero_()

    def step(self) -> None:
        """Move the weights against the gradients that backward() has added up since zero_grad()."""
        if any(parameter.grad is not view for parameter, view in self._views):
            raise RuntimeError("a gradient is no longer a view: call zero_grad() of the optimizer, not of the network")
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
            beta1=BETA1,
            beta2=BETA2,
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
        )
