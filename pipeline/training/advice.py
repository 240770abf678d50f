"""What the other engine would have saved of a training that is over: a line in the log, and nothing that is kept."""

import time

from pipeline.training.engines import CompiledLoop, EagerLoop
from pipeline.training.loader import RowLoader, batches

COMPILING_SECONDS = 10  # or so; a step takes a half to a fifteenth of eager's then: see the tables of docs/speed.md
WORTH_SECONDS = 5  # that an engine must save to be spoken of
TRIED_STEPS = 5


def advice(loop: EagerLoop, loader: RowLoader, *, seconds: float, steps: int) -> str:
    """What the other engine would have saved, in words, if so many steps, which took so long, had been sooner with it.

    How long eager's take is tried with some that change nothing; how long compiled ones would is not tried.
    """
    if isinstance(loop, CompiledLoop):
        eager = steps * seconds_of_a_step(loop, loader)
        used, other = "compiling and the steps took", f"engine: eager would have taken {eager:.0f} s"
        saved = seconds - eager
    else:
        used, saved = "the steps took", seconds / 2 - COMPILING_SECONDS
        other = f"engine: compiled needs some {COMPILING_SECONDS} s for compiling and at most half the time for a step"
    return "" if saved < WORTH_SECONDS else f"{used} {seconds:.0f} s; {other}: some {saved:.0f} s less"


def seconds_of_a_step(loop: EagerLoop, loader: RowLoader) -> float:
    """How long an eager step takes by the clock, all weights and generators left as they are."""
    generators = [loop.network.generator, loader.generator]
    state, drawn = [tensor.clone() for tensor in loop.optimizer.state()], [one.get_state() for one in generators]
    batch = next(batches(loader))
    started = time.monotonic()
    for _ in range(TRIED_STEPS):
        loop.step(batch, 0.0)
    seconds = (time.monotonic() - started) / TRIED_STEPS
    loop.optimizer.restore(state)
    for generator, before in zip(generators, drawn, strict=True):
        generator.set_state(before)
    return seconds
