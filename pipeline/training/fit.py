"""The training loop: batches in, weights and history out. It knows no file."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline.model.network import Regressor
from pipeline.model.reproducible import DataLoader, TensorDataset, nn, torch
from pipeline.params import Optimizer, Recipe
from pipeline.training.adam import FlatAdamW
from pipeline.training.batches import batches
from pipeline.training.compiled import CompiledLoop


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows: its number from 1, and both losses in squared normalised units.

    The training loss is the mean over the epoch's batches as they were trained on, dropout and weights included.
    """

    epoch: int
    train_mse: float
    valid_mse: float


@dataclass(frozen=True)
class Progress:
    """All that a training is at the end of an epoch: enough to go on from it, and the result once it is the last.

    Shape: kept, the weights of the epoch that the recipe keeps, is (parameters,); state holds what the optimizer
    and the generators of the rows' order and of the dropout go on from.
    """

    history: tuple[Epoch, ...]
    kept_epoch: int
    kept: torch.Tensor
    state: tuple[torch.Tensor, ...]


START = Progress(history=(), kept_epoch=0, kept=torch.empty(0), state=())


@dataclass(frozen=True)
class EagerLoop:
    """Trains a network one batch after the other, as the course teaches it."""

    network: Regressor
    criterion: nn.Module
    optimizer: FlatAdamW

    def epoch(self, loader: "DataLoader[tuple[torch.Tensor, ...]]", rates: Iterator[float]) -> float:
        """One epoch, with the next of `rates` as the learning rate of each step; returns the rows' mean loss."""
        total = rows = 0.0
        for inputs, *target in batches(loader):  # and the rows' weights, if equal rows count once
            self.optimizer.learning_rate = next(rates)
            self.optimizer.zero_grad()
            loss = self.criterion(self.network(inputs), *target)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(inputs)
            rows += len(inputs)
        return total / rows


class WeightedMSELoss(nn.Module):
    """The mean over the rows of weight · squared error.

    Shape: all (rows, 1); returns a number.
    """

    def forward(self, prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        return (weight * (prediction - target) ** 2).mean()


def fit(
    network: Regressor,
    *,
    loader: "DataLoader[tuple[torch.Tensor, ...]]",
    valid: TensorDataset,
    recipe: Recipe,
    start: Progress = START,
) -> Iterator[Progress]:
    """Train the network as the recipe says, from the start or from where an earlier training was: a Progress per epoch.

    Whether interrupted or not, the last Progress is the same to the last bit.
    Shape: the loader serves, and valid holds, (rows, columns) inputs and (rows, 1) normalised salaries; the loader
    also (rows, 1) weights if equal rows are to count once.
    Raises: ValueError if a loss is not finite.
    """
    optimizer = FlatAdamW(network, **recipe.optimizer.model_dump(exclude={"schedule"}))
    criterion = WeightedMSELoss() if recipe.equal_rows == "once" else nn.MSELoss()
    loop = (CompiledLoop if recipe.engine == "compiled" else EagerLoop)(network, criterion, optimizer)
    progress = start
    if start.state:
        _restore(start.state, optimizer, loader.generator, network.generator)
    rates = learning_rates(recipe.optimizer, steps=recipe.epochs * len(loader))
    rates = islice(rates, len(progress.history) * len(loader), None)
    while not finished(progress.history, recipe):
        network.train()
        train_mse = loop.epoch(loader, rates)
        with optimizer.averaged():
            epoch = Epoch(len(progress.history) + 1, train_mse, validation_loss(network, valid))
        _check_finite(epoch)
        better = recipe.keep == "last" or all(epoch.valid_mse < earlier.valid_mse for earlier in progress.history)
        progress = Progress(
            history=(*progress.history, epoch),
            kept_epoch=epoch.epoch if better else progress.kept_epoch,
            kept=optimizer.average.clone() if better else progress.kept,
            state=_state(optimizer, loader.generator, network.generator),
        )
        yield progress


def finished(history: Sequence[Epoch], recipe: Recipe) -> bool:
    """True if the recipe's epochs are over, or as many as its patience without a better validation loss."""
    if not history or len(history) >= recipe.epochs:
        return len(history) >= recipe.epochs
    losses = [epoch.valid_mse for epoch in history]
    return recipe.patience is not None and len(losses) - 1 - losses.index(min(losses)) >= recipe.patience


def learning_rates(settings: Optimizer, *, steps: int) -> Iterator[float]:
    """The learning rate of each step: constant; down to 0 along half a cosine; or up and down in straight lines.

    Source: Loshchilov & Hutter, "SGDR" (2017), and Smith & Topin, "Super-Convergence" (2018), with the shares of
    torch's CosineAnnealingLR and OneCycleLR, the tests' oracles.
    """
    peak = settings.learning_rate
    first, last, turn = peak / 25, peak / 250_000, 0.3 * steps - 1
    for step in range(steps):
        if settings.schedule == "constant":
            yield peak
        elif settings.schedule == "cosine":
            yield peak * half_cosine(step / steps)
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
        return 1 - half_cosine(1 - share)
    square, total, term = (math.pi * share) ** 2, 1.0, 1.0
    for place in range(1, 12):
        term *= -square / ((2 * place - 1) * (2 * place))
        total += term
    return (1 + total) / 2


def validation_loss(network: Regressor, valid: TensorDataset) -> float:
    """The mean squared error over the split, in squared normalised units, summed in float64."""
    inputs, target = valid.tensors
    errors = network.predict(inputs).double() - target.squeeze(1).double()
    return float((errors * errors).mean())


def _state(optimizer: FlatAdamW, order: torch.Generator, noise: torch.Generator) -> tuple[torch.Tensor, ...]:
    return (order.get_state(), noise.get_state(), *(tensor.clone() for tensor in optimizer.state()))


def _restore(
    state: Sequence[torch.Tensor], optimizer: FlatAdamW, order: torch.Generator, noise: torch.Generator
) -> None:
    order_state, noise_state, *weights = state
    order.set_state(order_state)
    noise.set_state(noise_state)
    optimizer.restore(weights)


def _check_finite(epoch: Epoch) -> None:
    if not (math.isfinite(epoch.train_mse) and math.isfinite(epoch.valid_mse)):
        raise ValueError(
            f"the loss must be finite, found {epoch.train_mse} on training and {epoch.valid_mse} on validation rows"
            f" in epoch {epoch.epoch}; lower the recipe's learning_rate"
        )
