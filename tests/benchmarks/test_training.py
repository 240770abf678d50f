"""The tables of the training loops' speeds."""

import pytest

from benchmarks.speed.contestants import Contestant
from benchmarks.training import CEILING, LOOPS, TEXTBOOK, Speed, measure_speeds, table


def speeds(**changes):
    usual = {4: Speed((1.0, 2.0, 3.0), starting=0.5), 64: Speed((20.0, 20.0, 20.0), starting=1.5)}
    return dict.fromkeys(LOOPS, usual) | changes


class FakeContestant(Contestant):
    """A loop that answers as told."""

    def __init__(self, answer, times=()):
        self.answer, self.times = answer, list(times)

    def start(self, network, batch, *, seconds):
        return self.answer

    def turn(self):
        return self.times.pop(0)


def test_a_speed_is_the_ratio_to_the_textbook_in_the_same_round():
    contestants = {TEXTBOOK: FakeContestant(0.0, [2.0, 6.0]), "other": FakeContestant(0.5, [1.0, 2.0])}
    speeds = measure_speeds(contestants, "course", 4, rounds=2, seconds=0.1)
    assert speeds == {TEXTBOOK: Speed((1.0, 1.0), starting=0.0), "other": Speed((2.0, 3.0), starting=0.5)}


def test_a_loop_that_cannot_run_takes_no_turns():
    contestants = {TEXTBOOK: FakeContestant(0.0, [2.0]), "other": FakeContestant("not installed")}
    assert measure_speeds(contestants, "course", 4, rounds=1, seconds=0.1)["other"] == "not installed"


def test_the_table_has_medians_the_widest_spread_and_the_longest_start():
    assert "| textbook | 2.00 | 20 | 25% | 1.5 s |" in table("net", speeds())


def test_the_table_says_why_a_loop_has_no_speed():
    missing = dict.fromkeys((4, 64), "not installed")
    assert "| skorch | not installed |  |  |  |" in table("net", speeds(skorch=missing))


@pytest.mark.parametrize(
    ("c", "shares"), [({4: Speed((8.0,) * 3, 0.1), 64: "–"}, "25.0% | "), ({4: "–", 64: "–"}, " | ")]
)
def test_the_table_compares_ours_with_c_where_there_is_one(c, shares):
    assert f"| ours, compiled, of {CEILING} | {shares} |  |  |" in table("net", speeds(**{CEILING: c}))
