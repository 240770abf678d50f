import logging
import os

import pytest

from pipeline.model.reproducible import torch
from pipeline.runtime.errors import RuleError
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.fit import START, Epoch, TrainingState
from tests.support.recipes import EMBEDDING, make_recipe, make_training, seeded

SETTINGS = {"recipe": {"seed": 1, "features": ["a", "b"]}, "packages": {"torch": "2.13.0"}}


def make_checkpoint(folder, *, every_seconds=0.0, key=SETTINGS):
    return Checkpoint(folder, key=key, every_seconds=every_seconds)


def make_state(epochs=3):
    """Losses that no short decimal spells, and tensors of every kind that a state holds."""
    return TrainingState(
        history=tuple(Epoch(number, 1 / (number + 2), 0.1 + 0.2 * number) for number in range(1, epochs + 1)),
        kept_epoch=epochs,
        kept_weights=torch.rand(7, generator=seeded(epochs)),
        resume_from=(seeded(epochs).get_state(), torch.rand(7, generator=seeded(9)), torch.tensor(12.0)),
    )


def same(one, other):
    """True if both are the same to the last bit."""
    tensors = [(state.kept_weights, *state.resume_from) for state in (one, other)]
    return (
        (one.history, one.kept_epoch, len(one.resume_from)) == (other.history, other.kept_epoch, len(other.resume_from))
        and all(map(torch.equal, *tensors))
        and [tensor.dtype for tensor in tensors[0]] == [tensor.dtype for tensor in tensors[1]]
        and [tensor.shape for tensor in tensors[0]] == [tensor.shape for tensor in tensors[1]]
    )


def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path):
    make_checkpoint(tmp_path).save(make_state())
    assert same(make_checkpoint(tmp_path).load(), make_state())


def test_a_real_training_goes_on_from_it_to_the_same_bits(tmp_path):
    recipe = make_recipe(**EMBEDDING, epochs=4, keep="best", optimizer={"ema_decay": 0.9})
    first, *_, last = make_training(recipe).run()
    make_checkpoint(tmp_path).save(first)
    resumed = make_training(recipe, seed=9).run(start=make_checkpoint(tmp_path).load())
    assert same(resumed[-1], last)


def test_the_newest_is_loaded_and_there_is_one_file(tmp_path):
    for epochs in (1, 2, 3):
        make_checkpoint(tmp_path).save(make_state(epochs))
    assert len(make_checkpoint(tmp_path).load().history) == 3
    assert [file.suffix for file in tmp_path.iterdir()] == [".checkpoint"]


@pytest.mark.parametrize("epochs", [0, 3])
def test_all_workers_go_on_from_what_the_first_one_has(epochs, tmp_path, together):
    if epochs:
        make_checkpoint(tmp_path / "of 0").save(make_state(epochs))
    found = together(4, lambda workers: make_checkpoint(tmp_path / f"of {workers.rank}").load_for(workers))
    assert all(same(state, make_state(epochs) if epochs else START) for state in found)


def test_a_worker_with_another_key_is_refused(tmp_path, together):
    def load(workers):
        try:
            make_checkpoint(tmp_path, key=SETTINGS if workers.first else {}).load_for(workers)
        except RuleError as error:
            return str(error)

    rule = "worker 2's code, settings, packages or data must be worker 1's, found others; give all workers one commit"
    assert together(2, load)[1].startswith(rule)


def test_going_on_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    make_checkpoint(tmp_path).save(make_state())
    make_checkpoint(tmp_path).load()
    assert caplog.messages == [f"going on after epoch 3, from {make_checkpoint(tmp_path).path}"]


def test_without_a_checkpoint_training_starts_and_nothing_is_said(tmp_path, caplog):
    assert make_checkpoint(tmp_path / "not there").load() is START
    assert not caplog.messages


@pytest.mark.parametrize(
    "key",
    [
        {},
        SETTINGS | {"recipe": {"seed": 2, "features": ["a", "b"]}},
        SETTINGS | {"recipe": {"seed": 1, "features": ["b", "a"]}},
        SETTINGS | {"recipe": {"seed": 1.0, "features": ["a", "b"]}},
        SETTINGS | {"packages": {"torch": "2.13.1"}},
        SETTINGS | {"device": "cuda"},
    ],
)
def test_another_training_never_goes_on_from_it(tmp_path, key):
    make_checkpoint(tmp_path).save(make_state())
    assert make_checkpoint(tmp_path, key=key).load() is START


def test_the_order_in_which_things_are_named_does_not_decide(tmp_path):
    make_checkpoint(tmp_path).save(make_state())
    assert make_checkpoint(tmp_path, key=dict(reversed(SETTINGS.items()))).load().history


@pytest.mark.parametrize("index", [0, 31, 32, 40, 100, -1])
def test_a_flipped_bit_anywhere_is_said_and_training_starts_anew(tmp_path, caplog, index):
    checkpoint = make_checkpoint(tmp_path)
    checkpoint.save(make_state())
    content = bytearray(checkpoint.path.read_bytes())
    content[index] ^= 1
    checkpoint.path.write_bytes(content)
    assert make_checkpoint(tmp_path).load() is START
    message = f"{checkpoint.path} is damaged: its digest must be that of its content; training starts anew"
    assert caplog.messages == [message]


@pytest.mark.parametrize("length", [0, 10, 32, 100])
def test_a_file_that_was_cut_off_is_said_and_training_starts_anew(tmp_path, caplog, length):
    checkpoint = make_checkpoint(tmp_path)
    checkpoint.save(make_state())
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:length])
    assert make_checkpoint(tmp_path).load() is START
    assert "is damaged" in caplog.text


def test_a_damaged_one_is_replaced_by_the_next(tmp_path):
    checkpoint = make_checkpoint(tmp_path)
    checkpoint.save(make_state())
    checkpoint.path.write_bytes(b"garbage")
    checkpoint.save(make_state(2))
    assert same(make_checkpoint(tmp_path).load(), make_state(2))


def test_whoever_is_killed_while_writing_leaves_the_old_one(tmp_path, monkeypatch):
    make_checkpoint(tmp_path).save(make_state(1))

    def killed(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        make_checkpoint(tmp_path).save(make_state(2))
    assert same(make_checkpoint(tmp_path).load(), make_state(1))


def test_half_a_draft_is_neither_loaded_nor_in_the_way(tmp_path):
    checkpoint = make_checkpoint(tmp_path)
    checkpoint.save(make_state(1))
    (tmp_path / f"{checkpoint.path.stem}.kil1ed.draft").write_bytes(b"half a checkpo")
    assert same(make_checkpoint(tmp_path).load(), make_state(1))
    checkpoint.save(make_state(2))
    assert same(make_checkpoint(tmp_path).load(), make_state(2))
    assert list(tmp_path.iterdir()) == [checkpoint.path]


def test_every_state_is_saved_if_no_second_must_pass(tmp_path):
    checkpoint = make_checkpoint(tmp_path, every_seconds=0.0)
    for epochs in (1, 2, 3):
        checkpoint.save_if_due(make_state(epochs))
        assert len(make_checkpoint(tmp_path).load().history) == epochs


def test_no_state_is_saved_before_its_time(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    checkpoint = make_checkpoint(tmp_path, every_seconds=30.0)
    saved = []
    for epochs, seconds in enumerate([10, 29, 30, 31, 59, 60, 100], start=1):
        now[0] = 1000.0 + seconds
        checkpoint.save_if_due(make_state(epochs))
        saved.append(len(make_checkpoint(tmp_path).load().history) == epochs)
    assert saved == [False, False, True, False, False, True, True]


def test_a_removed_one_is_gone_and_removing_nothing_is_fine(tmp_path):
    checkpoint = make_checkpoint(tmp_path)
    checkpoint.save(make_state())
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
    checkpoint.remove()
    assert make_checkpoint(tmp_path).load() is START


def test_no_room_for_a_checkpoint_costs_no_training(tmp_path, caplog):
    (tmp_path / "checkpoints").write_text("a file where the folder would be")
    make_checkpoint(tmp_path / "checkpoints").save(make_state())
    assert "cannot save a checkpoint" in caplog.text
    assert "training goes on without" in caplog.text


def test_a_checkpoint_that_cannot_be_read_is_said_and_training_starts_anew(tmp_path, caplog):
    checkpoint = make_checkpoint(tmp_path)
    checkpoint.path.mkdir()
    assert checkpoint.load() == START
    assert "training starts anew" in caplog.text
