"""The training loop: tensors in, weights and history out. It knows no file."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.network import Regressor
from pipeline.params import Recipe
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
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=recipe.optimizer.learning_rate,
        weight_decay=recipe.optimizer.weight_decay,  # at 0 this is Adam
        fused=True,
    )
    schedule = learning_rates(optimizer, recipe, steps=recipe.epochs * len(loader))
    history: list[Epoch] = []
    best, kept, weights = math.inf, 0, {}
    for number in range(1, recipe.epochs + 1):
        network.train()
        total = 0.0
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = criterion(network(inputs), target)
            loss.backward()
            optimizer.step()
            schedule.step()
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


def learning_rates(
    optimizer: torch.optim.Optimizer, recipe: Recipe, *, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule of the recipe's learning rate over all steps: constant, or up and down again in straight lines.

    Source: Smith & Topin, "Super-Convergence" (2018), as torch's OneCycleLR does it, without the cosine: its last bits
    depend on the C library.
    """
    if recipe.optimizer.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.optimizer.learning_rate,
        total_steps=steps + 1,  # it is stepped once more behind the last batch
        anneal_strategy="linear",
        cycle_momentum=False,
    )


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
