"""What the end of a training says of the other engine."""

import pytest

from pipeline.model.reproducible import nn, torch
from pipeline.training import advice as module
from pipeline.training.advice import advice, seconds_of_a_step
from pipeline.training.engines import CompiledLoop, EagerLoop
from pipeline.training.optimizer import FlatAdamW
from tests.support.recipes import EMBEDDING, make_recipe, make_training
from tests.support.skips import needs_a_compiler


def a_loop(kind=EagerLoop):
    training = make_training(make_recipe(**EMBEDDING))
    optimizer = FlatAdamW(training.network.train(), learning_rate=0.1, weight_decay=0.1, ema_decay=0.9)
    return kind(training.network, nn.MSELoss(), optimizer), training.loader


@pytest.mark.parametrize(("seconds", "said"), [(29.0, ""), (60.0, "some 20 s less")])
def test_a_long_eager_training_hears_of_the_compiled_engine(seconds, said):
    loop, rows = a_loop()
    advised = advice(loop, rows, seconds=seconds, steps=1)
    assert advised.endswith(said)
    assert advised.startswith(f"the steps took {seconds:.0f} s; engine: compiled" if said else "")


@needs_a_compiler
@pytest.mark.parametrize(("step", "said"), [(0.1, "engine: eager would have taken 1 s: some 8 s less"), (0.5, "")])
def test_a_short_compiled_training_hears_of_the_eager_engine(step, said, monkeypatch):
    monkeypatch.setattr(module, "seconds_of_a_step", lambda loop, rows: step)
    loop, rows = a_loop(CompiledLoop)
    assert advice(loop, rows, seconds=9.0, steps=10).endswith(said)


def test_steps_that_are_tried_change_nothing():
    loop, rows = a_loop()
    before = [*loop.optimizer.state(), loop.network.generator.get_state(), rows.generator.get_state()]
    before = [tensor.clone() for tensor in before]
    assert seconds_of_a_step(loop, rows) > 0
    after = [*loop.optimizer.state(), loop.network.generator.get_state(), rows.generator.get_state()]
    assert all(map(torch.equal, before, after))
