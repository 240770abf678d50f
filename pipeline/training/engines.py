"""The two engines: the textbook's loop, and the same steps compiled as one loop in C++.

What `backward()` and `step()` do in place is done for the compiler by pure functions, which it can fuse; a test holds
both engines together, up to rounding.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.model.network import Regressor
from pipeline.model.reproducible import torch
from pipeline.training.compiler import compile_options, fusible, noise_of, ready_to_compile, require_compiler
from pipeline.training.loader import RowLoader, batches, blocks, rows_per_block
from pipeline.training.optimizer import FlatAdamW

Tensors = Sequence[torch.Tensor]
Loss = Callable[..., torch.Tensor]
Step = Callable[[Tensors, torch.Tensor, Tensors], tuple[torch.Tensor, ...]]
Loop = Callable[[torch.Tensor, torch.Tensor, Tensors, Tensors], tuple[torch.Tensor, ...]]

log = logging.getLogger(__name__)


@dataclass
class EagerLoop:
    """Trains a network one batch after the other, as the course teaches it."""

    network: Regressor
    criterion: Loss
    optimizer: FlatAdamW

    def epoch(self, loader: RowLoader, rates: Iterator[float]) -> float:
        """One epoch, with the next of `rates` as the learning rate of each step; returns the rows' mean loss."""
        total = rows = 0.0
        for batch in batches(loader):
            total += self.step(batch, next(rates))
            rows += len(batch[0])
        return total / rows

    def step(self, batch: Tensors, rate: float) -> float:
        """Train on a batch: inputs, targets, and weights if equal rows count once; returns the sum of the rows' losses.

        Shape: inputs (batch, columns), targets and weights (batch, 1).
        """
        inputs, *target = batch
        self.optimizer.learning_rate = rate
        self.optimizer.zero_grad()
        loss = self.criterion(self.network(inputs), *target)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.item()) * len(inputs)


class CompiledLoop(EagerLoop):
    """Trains a network like EagerLoop, with the same order of rows and the same noise.

    The first block compiles for some seconds. The optimizer keeps the state, so both engines can take turns.
    Raises: ValueError if there is no C++ compiler.
    Source: torch.while_loop, compiled by TorchInductor.
    """

    def __init__(self, network: Regressor, criterion: Loss, optimizer: FlatAdamW) -> None:
        require_compiler()
        super().__init__(network, criterion, optimizer)
        self._loop: Loop | None = None
        self._noise: Callable[[int], torch.Tensor] = network.noise

    def epoch(self, loader: RowLoader, rates: Iterator[float]) -> float:
        """What EagerLoop's does. A shorter batch has its eager step: another shape would have to be compiled."""
        size, total, rows = loader.batch_size or 1, 0.0, 0
        for block in blocks(loader):  # each column (rows, ...)
            whole = len(block[0]) // size * size  # rows of whole batches
            if whole:
                columns = [column[:whole] for column in block]
                total += self._whole_batches(columns, rates, size=size, most=rows_per_block(loader) // size)
            if whole < len(block[0]):
                total += self.step([column[whole:] for column in block], next(rates))
            rows += len(block[0])
        return total / rows

    def _whole_batches(self, columns: Tensors, rates: Iterator[float], *, size: int, most: int) -> float:
        """The steps of whole batches. Zeros never read fill them up to the most there can be: one shape, one loop."""
        inputs, *target = columns  # each (count * size, ...)
        count = len(inputs) // size
        noise = [self._noise(count * size)] if self.network.noise_width else []  # (count * size, noise_width)
        stacked = [  # each (most, size, ...)
            _padded(column, most * size).view(most, size, *column.shape[1:]) for column in (inputs, *noise, *target)
        ]
        chosen = torch.tensor([next(rates) for _ in range(count)], dtype=torch.float64)  # (count,)
        learning_rates = _padded(chosen, most)  # (most,)
        if self._loop is None:
            self._loop = self._compile(learning_rates, stacked)
        total, *state = self._loop(torch.tensor(count), learning_rates, self.optimizer.state(), stacked)
        self.optimizer.restore(state)
        return float(total) * size

    def _compile(self, rates: torch.Tensor, columns: Tensors) -> Loop:
        torch.compiler.reset()  # torch keeps at most 8 versions of one function, whatever network they were for
        loop = loop_of(step_of(self.network, self.criterion, self.optimizer), self.optimizer)
        started = time.monotonic()
        with ready_to_compile():
            compiled = torch.compile(loop, fullgraph=True, dynamic=False, options=compile_options())
            compiled(torch.tensor(0), rates, self.optimizer.state(), columns)  # no step: it only compiles
        self._noise = noise_of(self.network)
        log.info("compiled the loop in %.0f s", time.monotonic() - started)
        return compiled


def step_of(network: Regressor, criterion: Loss, optimizer: FlatAdamW) -> Step:
    """One step of training as a pure function: (state, the optimizer's factors, batch) → (loss, *state).

    The batch holds the inputs, the noise if the network needs any, and what the criterion takes beside a prediction.
    """
    arguments = 2 if network.noise_width else 1
    fused = fusible(network)
    shapes = {name: parameter.shape for name, parameter in network.named_parameters()}

    def loss_at(weights: torch.Tensor, batch: Tensors) -> torch.Tensor:
        parts = torch.split(weights, [shape.numel() for shape in shapes.values()])  # of (parameters,)
        named = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        prediction = torch.func.functional_call(fused, named, tuple(batch[:arguments]))  # (batch_size, 1)
        return criterion(prediction, *batch[arguments:])

    def step(state: Tensors, factors: torch.Tensor, batch: Tensors) -> tuple[torch.Tensor, ...]:
        grad, loss = torch.func.grad_and_value(loss_at)(state[0], batch)  # (parameters,) and a number
        return loss, *optimizer.updated(state, grad, factors)

    return step


def loop_of(step: Step, optimizer: FlatAdamW) -> Loop:
    """`count` steps as one loop: (count, rates, state, columns of batches) → (sum of the losses, *state).

    Shape: rates (n,) and columns (n, batch_size, ...), of which the first `count` are used.
    """

    def loop(count: torch.Tensor, rates: torch.Tensor, state: Tensors, columns: Tensors) -> tuple[torch.Tensor, ...]:
        factors = optimizer.factors(state[3], rates)  # (n, 3)

        def more(index: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            return index < count

        def body(index: torch.Tensor, total: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
            # a loop over tensors cannot index by a number: this is factors[index], (batch_size, ...) of each column
            own, *batch = (column.index_select(0, index.view(1)).squeeze(0) for column in (factors, *columns))
            loss, *new = step(state, own, batch)
            return index + 1, total + loss, *new

        start = (torch.zeros((), dtype=torch.int64), torch.zeros(()), *state)
        done: tuple[torch.Tensor, ...] = torch.while_loop(more, body, start)  # type: ignore[no-untyped-call]
        return done[1:]

    return loop


def _padded(column: torch.Tensor, rows: int) -> torch.Tensor:
    # (rows of the column, ...), with zeros below up to (rows, ...)
    missing = rows - len(column)
    return torch.cat([column, column.new_zeros(missing, *column.shape[1:])]) if missing else column
