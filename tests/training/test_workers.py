"""What workers tell and add, as threads of one process; tests/training/test_gathering.py has real processes."""

import pytest

from pipeline.model.reproducible import torch
from pipeline.runtime.errors import RuleError
from pipeline.training import workers as module
from pipeline.training.workers import ALONE, LostWorkerError, Workers, joined
from tests.support.recipes import seeded


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_a_sum_has_the_same_bits_in_all_workers_and_is_that_of_neighbours_neighbours(count, together):
    numbers = torch.rand(count, 1000, generator=seeded()) - 0.5
    expected = numbers
    while len(expected) > 1:
        expected = expected[::2] + expected[1::2]
    found = together(count, lambda workers: workers.sum(numbers[workers.rank]))
    assert all(torch.equal(one, expected[0]) for one in found)


@pytest.mark.parametrize("said", [b"0.1", bytes(range(256))])
def test_what_the_first_says_is_told_to_all(said, together):
    def job(workers):
        return workers.told(lambda: said if workers.first else pytest.fail("only the first is asked"))

    assert together(4, job) == [said] * 4


@pytest.mark.parametrize("number", [0.1 + 0.2, 1e-310, float("inf"), -0.0])
def test_a_number_that_the_first_computes_is_the_same_in_all_to_the_last_bit(number, together):
    found = together(4, lambda workers: workers.number(lambda: number if workers.first else 1.0))
    assert [one.hex() for one in found] == [number.hex()] * 4


def test_a_worker_with_another_fact_than_the_first_is_refused(together):
    def job(workers):
        try:
            workers.agree("code", "new" if workers.rank == 1 else "old")
        except RuleError as error:
            return str(error)
        return ""

    first, second, third, fourth = together(4, job)
    assert second.startswith("worker 2's code must be worker 1's, found others; give all workers one commit, ")
    assert [first, third, fourth] == [""] * 3


def test_one_worker_alone_talks_to_nobody():
    number = torch.ones(1)
    assert ALONE.first
    assert ALONE.sum(number) is number
    assert ALONE.told(lambda: b"this") == b"this"
    ALONE.agree("code", "any")


@pytest.mark.parametrize("talk", [lambda one: one.sum(torch.ones(1)), lambda one: one.told(lambda: b"this")])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_lost_connection_names_the_worker_at_its_other_end(rank, talk, monkeypatch):
    def fail(*_):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(torch.distributed, "isend", fail)
    monkeypatch.setattr(torch.distributed, "irecv", fail)
    rule = f"worker {2 - rank} must train to the end, found that it has ended or is stuck: Connection closed by peer; "
    with pytest.raises(LostWorkerError, match=f"^{rule}start it again"):
        talk(Workers(rank, 2))


def test_a_worker_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(module, "MEETING_SECONDS", 0)
    store = torch.distributed.HashStore()  # type: ignore[attr-defined]
    store.set("worker 1 is here", "")
    with pytest.raises(LostWorkerError, match=r"^worker 3 must come within 0 s, found that it has not"):
        joined(store, Workers(0, 4)).__enter__()


def test_whoever_waits_for_the_others_looks_after_them():
    def watch():
        raise ValueError("one has failed")

    store = torch.distributed.HashStore()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="one has failed"):
        joined(store, Workers(0, 2), watch=watch).__enter__()
