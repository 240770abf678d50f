"""What the other engine would have saved of a training that is over: a line in the log, and nothing that is kept."""

import time

from pipeline.model.reproducible import torch
from pipeline.training.compiler import require_compiler
from pipeline.training.engines import CompiledLoop, EagerLoop
from pipeline.training.loader import RowLoader, batches

COMPILING_SECONDS = 20  # the first time
SPEEDUP = 2  # of a compiled step, at most batch sizes more: see the tables of docs/speed.md
LEAST_SECONDS = 5  # a smaller gain is not worth a line
TRIED_STEPS = 5


def advice(loop: EagerLoop, loader: RowLoader, *, seconds: float, steps: int) -> str:
    """A sentence on what the other engine would have saved of that many steps and seconds, or none if it is little.

    Some eager steps are tried, which change nothing. Compiled ones are not: compiling takes too long.
    """
    if seconds < LEAST_SECONDS:
        return ""
    if isinstance(loop, CompiledLoop):
        eager = steps * seconds_of_a_step(loop, loader)
        if seconds - eager < LEAST_SECONDS:
            return ""
        return f"compiling and the steps took {seconds:.0f} s; engine: eager would have taken some {eager:.0f} s"
    compiled = COMPILING_SECONDS + seconds / SPEEDUP
    if seconds - compiled < LEAST_SECONDS or not _could_be_compiled(loop):
        return ""
    return (
        f"the steps took {seconds:.0f} s; engine: compiled would have taken some {compiled:.0f} s,"
        f" {COMPILING_SECONDS} s of it once for compiling, and have other last digits"
    )


def _could_be_compiled(loop: EagerLoop) -> bool:
    try:
        require_compiler()
    except ValueError:
        return False
    return loop.network.device.type == "cpu" and torch.get_num_threads() == 1


def seconds_of_a_step(loop: EagerLoop, loader: RowLoader) -> float:
    """How long an eager step takes by the clock, all weights and generators left as they are."""
    generators = [loop.network.generator, loader.generator]
    state, drawn = [tensor.clone() for tensor in loop.optimizer.state()], [one.get_state() for one in generators]
    batch = next(batches(loader))
    loop.network.train()  # a validation has left it as it predicts, without dropout
    loop.step(batch, 0.0)  # the first one of a process takes longer
    started = time.monotonic()
    for _ in range(TRIED_STEPS):
        loop.step(batch, 0.0)
    seconds = (time.monotonic() - started) / TRIED_STEPS
    loop.optimizer.restore(state)
    for generator, before in zip(generators, drawn, strict=True):
        generator.set_state(before)
    return seconds
