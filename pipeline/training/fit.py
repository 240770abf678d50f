"""The training loop: batches in, weights and history out. It knows no file."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from pipeline.model.network import Regressor
from pipeline.model.reproducible import nn, torch
from pipeline.params import Recipe
from pipeline.training.advice import advice
from pipeline.training.engines import CompiledLoop, EagerLoop
from pipeline.training.loader import RowLoader
from pipeline.training.optimizer import FlatAdamW, learning_rates
from pipeline.training.shards import ShardedLoop, ShardedRows
from pipeline.training.validation import ValidationBlock, validation_loss
from pipeline.training.workers import ALONE, Workers

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows: its number from 1, and both losses in squared normalised units.

    The training loss is the mean over the epoch's batches as they were trained on, dropout and weights included.
    """

    epoch: int
    train_mse: float
    valid_mse: float


@dataclass(frozen=True)
class TrainingState:
    """All that a training is at the end of an epoch: enough to go on from it, and the result once it is the last.

    `kept_weights` are those of the epoch that the recipe keeps; `resume_from` holds the states of the generators of the
    rows' order and of the dropout, then the optimizer's.
    Shape: kept_weights (parameters,).
    """

    history: tuple[Epoch, ...]
    kept_epoch: int
    kept_weights: torch.Tensor
    resume_from: tuple[torch.Tensor, ...]


START = TrainingState(history=(), kept_epoch=0, kept_weights=torch.empty(0), resume_from=())


def weighted_mse_loss(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The mean over the rows of weight · squared error. Shape: all (rows, 1); returns a number."""
    return (weight * (prediction - target) ** 2).mean()


def fit(
    network: Regressor,
    *,
    loader: RowLoader | ShardedRows,
    valid: Iterable[ValidationBlock],
    recipe: Recipe,
    start: TrainingState = START,
    workers: Workers = ALONE,
) -> Iterator[TrainingState]:
    """Train the network as the recipe says, from the start or from an earlier state: yields one state per epoch.

    Whether interrupted or not, the last state is the same to the last bit, in all workers. The first of them validates.
    Shape: the loader's batches hold (rows, columns) inputs, (rows, 1) normalised targets and, if equal rows are to
    count once, (rows, 1) weights.
    Raises: ValueError if a loss is not finite.
    """
    optimizer = FlatAdamW(network, **recipe.optimizer.model_dump(exclude={"schedule"}))
    train, advise = _loop(loader, network, optimizer, recipe, workers)
    state, generators = start, (loader.generator, network.generator)
    _resume(start, *generators, optimizer)
    epochs, before, seconds = epochs_of(recipe, steps_per_epoch=len(loader)), len(state.history), 0.0
    rates = islice(learning_rates(recipe.optimizer, steps=epochs * len(loader)), before * len(loader), None)
    while not finished(state.history, epochs=epochs, patience=recipe.patience):
        network.train()
        started = time.monotonic()
        train_mse = train(rates)
        seconds += time.monotonic() - started
        with optimizer.averaged():
            epoch = Epoch(len(state.history) + 1, train_mse, workers.number(lambda: validation_loss(network, valid)))
        _check_finite(epoch)
        better = recipe.keep == "last" or all(epoch.valid_mse < earlier.valid_mse for earlier in state.history)
        state = TrainingState(
            history=(*state.history, epoch),
            kept_epoch=epoch.epoch if better else state.kept_epoch,
            kept_weights=optimizer.average.clone() if better else state.kept_weights,
            resume_from=(*(one.get_state() for one in generators), *(one.clone() for one in optimizer.state())),
        )
        yield state
    if seconds and (advised := advise(seconds=seconds, steps=(len(state.history) - before) * len(loader))):
        log.info(advised)


def _resume(start: TrainingState, order: torch.Generator, noise: torch.Generator, optimizer: FlatAdamW) -> None:
    if start.resume_from:
        order_state, noise_state, *optimizer_state = start.resume_from
        order.set_state(order_state)
        noise.set_state(noise_state)
        optimizer.restore(optimizer_state)


def _loop(
    loader: RowLoader | ShardedRows, network: Regressor, optimizer: FlatAdamW, recipe: Recipe, workers: Workers
) -> tuple[Callable[[Iterator[float]], float], Callable[..., str]]:
    """Two functions: to train for an epoch with the rates of its steps, which returns the rows' mean loss; `advice`."""
    criterion = weighted_mse_loss if recipe.equal_rows == "once" else nn.functional.mse_loss
    if isinstance(loader, ShardedRows):
        return partial(ShardedLoop(network, criterion, optimizer, workers).epoch, loader), lambda **_: ""
    loop = (CompiledLoop if recipe.engine == "compiled" else EagerLoop)(network, criterion, optimizer)
    return partial(loop.epoch, loader), partial(advice, loop, loader)


def epochs_of(recipe: Recipe, *, steps_per_epoch: int) -> int:
    """How many epochs the recipe trains at most: its own, or fewer if so many make its steps. Each is a whole one.

    >>> recipe = Recipe.model_construct(epochs=30, max_steps=150)
    >>> [epochs_of(recipe, steps_per_epoch=steps) for steps in (2, 7, 1000)]
    [30, 22, 1]
    """
    return (
        recipe.epochs if recipe.max_steps is None else min(recipe.epochs, math.ceil(recipe.max_steps / steps_per_epoch))
    )


def finished(history: Sequence[Epoch], *, epochs: int, patience: int | None) -> bool:
    """True if so many epochs are over, or as many as the patience without a better validation loss."""
    losses = [epoch.valid_mse for epoch in history]
    since_best = len(losses) - 1 - losses.index(min(losses)) if losses else 0
    return len(losses) >= epochs or (patience is not None and since_best >= patience)


def why_it_stopped(history: Sequence[Epoch], recipe: Recipe, *, steps_per_epoch: int) -> str:
    """Why a training that is over had fewer epochs than its recipe says, in words; nothing if it had as many.

    >>> recipe = Recipe.model_construct(epochs=30, max_steps=None, patience=2)
    >>> why_it_stopped([Epoch(1, 1.0, 0.5), Epoch(2, 0.9, 0.6), Epoch(3, 0.8, 0.7)], recipe, steps_per_epoch=9)
    'stopped after epoch 3: no better validation loss for 2 epochs; the best was epoch 1'
    """
    last, losses = len(history), [epoch.valid_mse for epoch in history]
    if last >= recipe.epochs:
        return ""
    if last >= epochs_of(recipe, steps_per_epoch=steps_per_epoch):
        return f"stopped after epoch {last}: it has made the {recipe.max_steps} steps of max_steps"
    best = losses.index(min(losses)) + 1
    since = f"{last - best} epoch{'s' if last - best > 1 else ''}"
    return f"stopped after epoch {last}: no better validation loss for {since}; the best was epoch {best}"


def _check_finite(epoch: Epoch) -> None:
    if not (math.isfinite(epoch.train_mse) and math.isfinite(epoch.valid_mse)):
        raise ValueError(
            f"the loss must be finite, found {epoch.train_mse} on training and {epoch.valid_mse} on validation rows"
            f" in epoch {epoch.epoch}; lower the recipe's learning_rate"
        )
