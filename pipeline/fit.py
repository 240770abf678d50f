"""The training loop: tensors in, weights and history out. It knows no file."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from pipeline.adam import FlatAdamW
from pipeline.batches import batches
from pipeline.network import Regressor
from pipeline.params import Optimizer, Recipe
from pipeline.reproducible import DataLoader, TensorDataset, nn, torch


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows: its number from 1, and both losses in squared normalised units.

    The training loss is the mean over the epoch's batches as they were trained on, dropout included.
    """

    epoch: int
    train_mse: float
    valid_mse: float


@dataclass(frozen=True)
class Fitted:
    """What training leaves: the weights that the recipe keeps, the epoch they are from, and every epoch's losses."""

    weights: dict[str, torch.Tensor]
    kept_epoch: int
    history: tuple[Epoch, ...]


def fit(
    network: Regressor,
    *,
    train: TensorDataset,
    valid: TensorDataset,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Fitted:
    """Train the network as the recipe says.

    Shape: train and valid hold (rows, columns) inputs and (rows, 1) normalised salaries.
    Raises: ValueError if a loss is not finite.
    """
    order = torch.Generator().manual_seed(recipe.seed)
    loader = DataLoader(train, batch_size=recipe.batch_size, shuffle=True, generator=order)
    criterion = nn.MSELoss()
    settings = recipe.optimizer
    optimizer = FlatAdamW(network, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)
    rates = learning_rates(settings, steps=recipe.epochs * len(loader))
    history: list[Epoch] = []
    best, kept, weights = math.inf, 0, {}
    for number in range(1, recipe.epochs + 1):
        network.train()
        total = 0.0
        for inputs, target in batches(loader):
            optimizer.learning_rate = next(rates)
            optimizer.zero_grad()
            loss = criterion(network(inputs), target)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(target)
        epoch = Epoch(number, train_mse=total / len(train), valid_mse=validation_loss(network, valid))
        _check_finite(epoch)
        history.append(epoch)
        on_epoch(epoch)
        if recipe.keep == "last" or epoch.valid_mse < best:
            kept, weights = number, {name: weight.clone() for name, weight in network.state_dict().items()}
        best = min(best, epoch.valid_mse)
        if recipe.patience is not None and _epochs_since_best(history) >= recipe.patience:
            break
    return Fitted(weights, kept, tuple(history))


def learning_rates(settings: Optimizer, *, steps: int) -> Iterator[float]:
    """The learning rate of each step: constant, or up and down again in straight lines.

    Source: Smith & Topin, "Super-Convergence" (2018), with the shares of torch's OneCycleLR, the test's oracle.
    """
    peak = settings.learning_rate
    if settings.schedule == "constant":
        yield from repeat(peak, steps)
        return
    first, last, turn = peak / 25, peak / 250_000, 0.3 * steps - 1
    for step in range(steps):
        if step <= turn:
            yield first + (peak - first) * (step / turn)
        else:
            yield peak + (last - peak) * ((step - turn) / (steps - 1 - turn))


def validation_loss(network: Regressor, valid: TensorDataset) -> float:
    """The mean squared error over the split, in squared normalised units, summed in float64."""
    inputs, target = valid.tensors
    errors = network.predict(inputs).double() - target.squeeze(1).double()
    return float((errors * errors).mean())


def _epochs_since_best(history: list[Epoch]) -> int:
    losses = [epoch.valid_mse for epoch in history]
    return len(losses) - 1 - losses.index(min(losses))


def _check_finite(epoch: Epoch) -> None:
    if not (math.isfinite(epoch.train_mse) and math.isfinite(epoch.valid_mse)):
        raise ValueError(
            f"the loss must be finite, found {epoch.train_mse} on training and {epoch.valid_mse} on validation rows"
            f" in epoch {epoch.epoch}; lower the recipe's learning_rate"
        )
