"""The compiled engine: many steps of training as one loop in C++, from the same network, loss and optimizer as eager.

What `backward()` and `step()` do in place is done here by pure functions, which the compiler can fuse; a test holds
both engines together, up to rounding.
"""

import logging
import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.model.network import Regressor
from pipeline.model.reproducible import DataLoader, nn, torch
from pipeline.training.adam import FlatAdamW
from pipeline.training.batches import blocks, rows_per_block
from pipeline.training.compiler_paths import linked_cache, quoted_torch_libraries, require_whole_words
from pipeline.training.fusible import fusible

Tensors = Sequence[torch.Tensor]
Step = Callable[[Tensors, torch.Tensor, Tensors], tuple[torch.Tensor, ...]]
Loop = Callable[[torch.Tensor, torch.Tensor, Tensors, Tensors], tuple[torch.Tensor, ...]]

log = logging.getLogger(__name__)


def keep_compiled_code_in(folder: Path) -> None:
    """Have compiled loops written to the folder and taken from there by later runs."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder.resolve())


def require_compiler() -> None:
    """Raise ValueError if the C++ compiler that torch would call, or what it includes, is not installed.

    Raises it, too, if a path on the compiler's command line could not be read there.
    """
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise ValueError(
            f"engine: compiled needs a C++ compiler, found no {compiler};"
            " install one (package g++ on Debian and Ubuntu, gcc-c++ on Fedora), or choose engine: eager"
        )
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file():
        raise ValueError(
            f"engine: compiled needs Python's headers, found no {header};"
            " install them (package python3-dev on Debian and Ubuntu, python3-devel on Fedora), or choose engine: eager"
        )
    require_whole_words(compiler)


class CompiledLoop:
    """Trains a network like EagerLoop, with the same order of rows and the same noise.

    The first block compiles for some seconds. The optimizer keeps the state, so both engines can take turns.
    Raises: ValueError if there is no C++ compiler.
    Source: torch.while_loop, compiled by TorchInductor.
    """

    def __init__(self, network: Regressor, criterion: nn.Module, optimizer: FlatAdamW) -> None:
        require_compiler()
        self._network, self._criterion, self._optimizer = network, criterion, optimizer
        self._loop: Loop | None = None

    def epoch(self, loader: "DataLoader[tuple[torch.Tensor, ...]]", rates: Iterator[float]) -> float:
        """One epoch, with the next of `rates` as the learning rate of each step; returns the rows' mean loss."""
        size, total, rows = loader.batch_size or 1, 0.0, 0
        for block in blocks(loader):  # each column (rows, ...)
            whole = len(block[0]) // size * size  # rows of whole batches
            if whole:
                batches = [column[:whole] for column in block]
                total += self._whole_batches(batches, rates, size=size, most=rows_per_block(loader) // size)
            if whole < len(block[0]):
                total += self._last_batch([column[whole:] for column in block], next(rates))
            rows += len(block[0])
        return total / rows

    def _whole_batches(self, columns: Tensors, rates: Iterator[float], *, size: int, most: int) -> float:
        """The steps of whole batches. Zeros never read fill them up to the most there can be: one shape, one loop."""
        inputs, *target = columns  # each (count * size, ...)
        count = len(inputs) // size
        noise = [self._network.noise(count * size)] if self._network.noise_width else []  # (count * size, noise_width)
        stacked = [  # each (most, size, ...)
            _padded(column, most * size).view(most, size, *column.shape[1:]) for column in (inputs, *noise, *target)
        ]
        chosen = torch.tensor([next(rates) for _ in range(count)], dtype=torch.float64)  # (count,)
        learning_rates = _padded(chosen, most)  # (most,)
        if self._loop is None:
            self._loop = self._compile(learning_rates, stacked)
        total, *state = self._loop(torch.tensor(count), learning_rates, self._optimizer.state(), stacked)
        self._optimizer.restore(state)
        return float(total) * size

    def _last_batch(self, batch: Tensors, rate: float) -> float:
        """The step of a shorter batch: eager, since another shape would have to be compiled for it."""
        inputs, *target = batch
        self._optimizer.learning_rate = rate
        self._optimizer.zero_grad()
        loss = self._criterion(self._network(inputs), *target)
        loss.backward()
        self._optimizer.step()
        return float(loss.item()) * len(inputs)

    def _compile(self, rates: torch.Tensor, columns: Tensors) -> "Loop":
        torch.compiler.reset()  # torch keeps at most 8 versions of one function, whatever network they were for
        loop = loop_of(step_of(self._network, self._criterion, self._optimizer))
        compiled = torch.compile(loop, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})
        started = time.monotonic()
        with _the_cpus_own_instructions(), linked_cache(), quoted_torch_libraries():
            compiled(torch.tensor(0), rates, self._optimizer.state(), columns)  # no step: it only compiles
        log.info("compiled the loop in %.0f s", time.monotonic() - started)
        return compiled


def step_of(network: Regressor, criterion: nn.Module, optimizer: FlatAdamW) -> Step:
    """One step of training as a pure function: (state, learning rate, batch) → (loss, *state).

    The batch holds the inputs, the noise if the network needs any, and what the criterion takes beside a prediction.
    """
    arguments = 2 if network.noise_width else 1
    fused = fusible(network)
    shapes = {name: parameter.shape for name, parameter in network.named_parameters()}

    def loss_at(weights: torch.Tensor, batch: Tensors) -> torch.Tensor:
        parts = torch.split(weights, [shape.numel() for shape in shapes.values()])  # of (parameters,)
        named = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        prediction = torch.func.functional_call(fused, named, tuple(batch[:arguments]))  # (batch_size, 1)
        loss: torch.Tensor = criterion(prediction, *batch[arguments:])
        return loss

    def step(state: Tensors, rate: torch.Tensor, batch: Tensors) -> tuple[torch.Tensor, ...]:
        grad, loss = torch.func.grad_and_value(loss_at)(state[0], batch)  # (parameters,) and a number
        return loss, *optimizer.updated(state, grad, rate)

    return step


def loop_of(step: Step) -> Loop:
    """`count` steps as one loop: (count, rates, state, columns of batches) → (sum of the losses, *state).

    Shape: rates (n,) and columns (n, batch_size, ...), of which the first `count` are used.
    """

    def loop(count: torch.Tensor, rates: torch.Tensor, state: Tensors, columns: Tensors) -> tuple[torch.Tensor, ...]:
        def more(index: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            return index < count

        def body(index: torch.Tensor, total: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
            # a loop over tensors cannot index by a number: this is rates[index], and (batch_size, ...) of each column
            rate, *batch = (column.index_select(0, index.view(1)).squeeze(0) for column in (rates, *columns))
            loss, *new = step(state, rate, batch)
            return index + 1, total + loss, *new

        start = (torch.zeros((), dtype=torch.int64), torch.zeros(()), *state)
        done: tuple[torch.Tensor, ...] = torch.while_loop(more, body, start)  # type: ignore[no-untyped-call]
        return done[1:]

    return loop


@contextmanager
def _the_cpus_own_instructions() -> Iterator[None]:
    """Hide the variable that pins torch: torch has read it by now, and the compiler would write slow code for it."""
    pinned = os.environ.pop("ATEN_CPU_CAPABILITY")
    try:
        yield
    finally:
        os.environ["ATEN_CPU_CAPABILITY"] = pinned


def _padded(column: torch.Tensor, rows: int) -> torch.Tensor:
    """The column with zeros below, up to as many rows."""
    return torch.cat([column, column.new_zeros(rows - len(column), *column.shape[1:])])
