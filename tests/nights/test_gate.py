"""The gate on made-up errors, whose truth is known."""

import numpy as np
import pytest

from pipeline import params
from pipeline.nights.gate import Comparison, decide, share_worse
from pipeline.nights.record import NightOutcome
from tests.support.work_tree import ROOT

GATE = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml").gate
ROWS = 600
DRAW = np.random.default_rng(7)
ACTUAL = DRAW.normal(100_000, 50_000, ROWS)
GROUPS = np.arange(ROWS) // 2


def settings(**changes):
    return params.parse(params.Gate, GATE.model_dump() | changes, where="test")


def predicted(error, *, seed=1):
    """Predictions whose errors have this standard deviation, in thousands of USD."""
    return ACTUAL + np.random.default_rng(seed).normal(0, error * 1000, ROWS)


def comparison(challenger, champion=None, **changes):
    values = {
        "actual": ACTUAL,
        "challenger": challenger,
        "champion": champion,
        "groups": GROUPS,
        "slices": {"company_size": (np.arange(ROWS) % 3, ["S", "M", "L"])},
        "train_mean": 100_000.0,
    }
    return Comparison(**(values | changes))


def outcome(challenger, champion=None, *, force_reason=None, gate=GATE, **changes):
    return decide(comparison(challenger, champion, **changes), gate, force_reason=force_reason).outcome


def test_a_better_challenger_is_promoted():
    assert outcome(predicted(30), predicted(40)) == NightOutcome.PROMOTED


def test_a_clearly_worse_challenger_is_not():
    decision = decide(comparison(predicted(40), predicted(30)), GATE)
    assert decision.outcome == NightOutcome.KEPT
    assert "the MSE is over 2% worse in 100.0% of the bootstrap draws: from 95% on" in decision.reason
    assert decision.numbers["worse_share"] > 0.95


def test_of_challengers_that_are_no_worse_none_is_rejected():
    pairs = [(predicted(30, seed=seed), predicted(30, seed=seed + 100)) for seed in range(40)]
    assert {outcome(*pair) for pair in pairs} == {NightOutcome.PROMOTED}


def test_the_errors_are_those_in_dollars_squared():
    numbers = decide(comparison(predicted(30), predicted(40)), GATE).numbers
    assert numbers["challenger_mse_usd2"] == pytest.approx(((predicted(30) - ACTUAL) ** 2).mean())
    assert numbers["champion_mse_usd2"] == pytest.approx(((predicted(40) - ACTUAL) ** 2).mean())
    assert numbers["mean_mse_usd2"] == pytest.approx(((100_000 - ACTUAL) ** 2).mean())


def test_copies_of_a_row_are_no_further_evidence():
    errors, others = np.full(4, 1.03), np.array([1.0, 1.0, 1.0, 1.0])
    many = np.repeat(np.array([1.2, 0.9]), 300), np.repeat(np.array([1.0, 1.0]), 300)
    assert share_worse(errors, others, groups=np.zeros(4, np.int64), tolerance=0.02) == 1.0
    apart = share_worse(*many, groups=np.arange(600), tolerance=0.0)
    together = share_worse(*many, groups=np.repeat([0, 1], 300), tolerance=0.0)
    assert apart > 0.99
    assert together < 0.9


@pytest.mark.parametrize(("too_few", "expected"), [("promote", NightOutcome.PROMOTED), ("keep", NightOutcome.KEPT)])
def test_too_few_test_rows_give_the_stated_default(too_few, expected):
    gate = settings(min_test_rows=ROWS + 1, too_few=too_few)
    assert outcome(predicted(40), predicted(30), gate=gate) == expected


def test_a_challenger_that_the_mean_beats_is_never_promoted():
    for champion, incomparable in ((predicted(90), None), (None, None), (None, "lost")):
        decision = decide(comparison(predicted(80), champion, incomparable=incomparable), GATE)
        assert decision.outcome == NightOutcome.KEPT
        assert "training mean" in decision.reason


def test_without_a_champion_the_challenger_is_the_first():
    assert outcome(predicted(30)) == NightOutcome.FIRST


def test_a_champion_that_cannot_be_compared_is_said_so():
    decision = decide(comparison(predicted(30), incomparable="its bytes are lost"), GATE)
    assert decision.outcome == NightOutcome.INCOMPARABLE
    assert decision.reason == "no comparison: its bytes are lost"


def test_an_operator_forces_whatever_the_limits_say():
    decision = decide(comparison(predicted(90), predicted(30)), GATE, force_reason="a new survey")
    assert decision.outcome == NightOutcome.FORCED
    assert decision.reason == "forced by the operator: a new survey"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("force_reason", [None, "I insist"])
def test_a_number_that_is_not_finite_never_promotes(wrong, force_reason):
    challenger = predicted(30)
    challenger[5] = wrong
    decision = decide(comparison(challenger, predicted(30)), GATE, force_reason=force_reason)
    assert decision.outcome == NightOutcome.KEPT
    assert decision.reason == "challenger_mse_usd2 must be finite numbers"
    assert "challenger_mse_usd2" not in decision.numbers


def test_without_a_test_row_nothing_is_promoted():
    nothing = np.empty(0)
    empty = comparison(nothing, nothing, actual=nothing, groups=np.empty(0, np.int64), slices={})
    assert decide(empty, GATE, force_reason="I insist").outcome == NightOutcome.KEPT


def test_a_slice_that_is_much_worse_keeps_the_champion_and_is_named():
    large = np.arange(ROWS) % 3 == 2
    challenger = np.where(large, predicted(44), predicted(24))
    assert outcome(challenger, predicted(34), gate=settings(min_slice_rows=ROWS)) == NightOutcome.PROMOTED
    decision = decide(comparison(challenger, predicted(34)), GATE)
    assert decision.outcome == NightOutcome.KEPT
    assert decision.reason == "the MSE is over 25% worse where company_size=L"
