"""What the end of a training says of the other engine."""

import logging

import pytest

from pipeline.model.reproducible import nn, torch
from pipeline.training import advice as module
from pipeline.training import fit
from pipeline.training.advice import advice, seconds_of_a_step
from pipeline.training.engines import CompiledLoop, EagerLoop
from pipeline.training.optimizer import FlatAdamW
from tests.support.recipes import EMBEDDING, make_recipe, make_training
from tests.support.skips import needs_a_compiler, needs_avx2


def a_loop(kind=EagerLoop):
    """An engine and its loader as a validation leaves them."""
    training = make_training(make_recipe(**EMBEDDING))
    optimizer = FlatAdamW(training.network.eval(), learning_rate=0.1, weight_decay=0.1, ema_decay=0.9)
    return kind(training.network, nn.MSELoss(), optimizer), training.loader


LONG = (
    "the steps took 60 s; engine: compiled would have taken some 50 s, 20 s of it once for compiling,"
    " and have other last digits"
)


@needs_a_compiler
@needs_avx2
@pytest.mark.parametrize(("seconds", "said"), [(49.0, ""), (60.0, LONG)])
def test_a_long_eager_training_hears_of_the_compiled_engine(seconds, said):
    assert advice(*a_loop(), seconds=seconds, steps=1) == said


def test_where_nothing_can_be_compiled_nothing_is_said(monkeypatch):
    monkeypatch.setenv("CXX", "nowhere")
    assert advice(*a_loop(), seconds=60.0, steps=1) == ""


@needs_a_compiler
@needs_avx2
@pytest.mark.parametrize(
    ("step", "said"), [(0.1, "compiling and the steps took 9 s; engine: eager would have taken some 1 s"), (0.5, "")]
)
def test_a_short_compiled_training_hears_of_the_eager_engine(step, said, monkeypatch):
    monkeypatch.setattr(module, "seconds_of_a_step", lambda loop, rows: step)
    assert advice(*a_loop(CompiledLoop), seconds=9.0, steps=10) == said


def test_steps_that_are_tried_train_and_change_nothing(monkeypatch):
    loop, rows = a_loop()
    before = [*loop.optimizer.state(), loop.network.generator.get_state(), rows.generator.get_state()]
    before = [tensor.clone() for tensor in before]
    trained, step = [], EagerLoop.step

    def noted(*given):
        trained.append(loop.network.training)
        return step(*given)

    monkeypatch.setattr(EagerLoop, "step", noted)
    assert seconds_of_a_step(loop, rows) > 0
    after = [*loop.optimizer.state(), loop.network.generator.get_state(), rows.generator.get_state()]
    assert all(map(torch.equal, before, after))
    assert trained == [True] * 6  # with dropout


def test_a_training_that_makes_steps_gives_advice_once(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    given = []

    def noted(loop, rows, *, seconds, steps):
        given.append((seconds > 0, steps))
        return "take the other"

    monkeypatch.setattr(fit, "advice", noted)
    training = make_training(make_recipe(epochs=3, batch_size=10))
    states = training.run()
    assert caplog.messages == ["take the other"]
    make_training(make_recipe(epochs=3, batch_size=10)).run(start=states[1])
    make_training(make_recipe(epochs=3, batch_size=10)).run(start=states[2])  # which is finished
    assert given == [(True, 15), (True, 5)]
