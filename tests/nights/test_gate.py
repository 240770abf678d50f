"""The gate on made-up errors, whose truth is known."""

import re

import numpy as np
import pytest

from pipeline import params
from pipeline.nights.gate import Comparison, decide, excess, is_best, share_worse
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
    decision = decide(comparison(predicted(30), predicted(40)), GATE)
    assert decision.outcome == NightOutcome.PROMOTED
    assert re.search(r"the MSE is \d+\.\d % lower than the champion's, 90 % interval -\S+ to -\S+ %$", decision.reason)


def test_a_challenger_of_the_same_error_is_promoted_and_no_number_is_told_as_lower():
    decision = decide(comparison(predicted(30), predicted(30)), GATE)
    assert decision.outcome == NightOutcome.PROMOTED
    assert decision.reason.endswith("the MSE is equal to the champion's, 90 % interval +0.0 to +0.0 %")


def test_a_clearly_worse_challenger_is_not():
    decision = decide(comparison(predicted(40), predicted(30)), GATE)
    assert decision.outcome == NightOutcome.KEPT
    words = (
        r"the MSE is \d+\.\d % higher than the champion's, 90 % interval \+\d+\.\d to \+\d+\.\d %: beyond the tolerance"
    )
    assert re.search(words, decision.reason), decision.reason
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


@pytest.mark.parametrize(("most", "expected"), [(None, "first"), (1.2, "first"), (1.0, "kept")])
def test_ridge_regression_is_a_baseline_if_it_has_a_limit(most, expected):
    ridge_mse = ((predicted(30) - ACTUAL) ** 2).mean() / 1.1
    decision = decide(comparison(predicted(30), ridge_mse=ridge_mse), settings(max_over_ridge=most))
    assert decision.outcome == expected
    assert decision.numbers["ridge_mse_usd2"] == ridge_mse
    assert (decision.reason == "its MSE is more than 1 times that of ridge regression") == (expected == "kept")


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
    assert decision.reason == "the MSE is over 25 % higher where company_size=L"


def test_the_interval_is_beyond_the_tolerance_just_if_the_challenger_is_worse_by_the_gates_rule():
    ours = DRAW.gamma(0.5, size=ROWS)
    for factor in np.linspace(0.9, 1.3, 41):
        theirs = DRAW.permutation(ours)
        found = excess(ours * factor, theirs, groups=GROUPS, settings=GATE)
        assert found.low <= found.share <= found.high
        assert (found.low > GATE.tolerance) == (found.share_worse >= GATE.confidence)
        assert found.share_worse == share_worse(ours * factor, theirs, groups=GROUPS, tolerance=GATE.tolerance)


def nights_that_slide(*, anchored):
    """Sixty nights, each challenger 1.5 % worse than the model before: the last champion's MSE over the first's."""
    first = anchor = champion = predicted(30)
    outcomes = []
    for night in range(60):
        error = champion - ACTUAL
        noise = np.random.default_rng(night).normal(0, 0.1 * error.std(), ROWS)  # 1 % of the MSE
        challenger = ACTUAL + 1.005**0.5 * error + noise
        other = anchor if anchored and anchor is not champion else None
        decision = decide(comparison(challenger, champion, anchor=other), GATE)
        outcomes.append(decision.outcome)
        if decision.outcome == NightOutcome.PROMOTED:
            anchor, champion = (challenger if is_best(decision) else anchor), challenger
    return ((champion - ACTUAL) ** 2).mean() / ((first - ACTUAL) ** 2).mean(), outcomes.count(NightOutcome.PROMOTED)


def test_the_tolerances_of_many_nights_add_up_to_no_slide():
    slide, promoted = nights_that_slide(anchored=False)
    assert slide > 2
    assert promoted > 55
    slide, promoted = nights_that_slide(anchored=True)
    assert slide < 1.1
    assert promoted < 10


def test_a_challenger_that_only_the_anchor_beats_is_kept_out_and_the_reason_names_both():
    decision = decide(comparison(predicted(34), predicted(34, seed=2), anchor=predicted(25)), GATE)
    assert decision.outcome == NightOutcome.KEPT
    assert re.search(
        "lower than the champion's, [^:]* %; .* higher than the anchor's, .* beyond the tolerance", decision.reason
    )
    assert decision.numbers["worse_share"] < 0.95 <= decision.numbers["worse_than_anchor_share"]
    assert decision.numbers["anchor_mse_usd2"] == pytest.approx(((predicted(25) - ACTUAL) ** 2).mean())


def test_the_anchor_stays_until_a_challenger_is_no_worse():
    champion, anchor = predicted(34), predicted(30)
    for error, best in ((30.2, False), (29, True)):
        decision = decide(comparison(anchor + (error / 30 - 1) * (anchor - ACTUAL), champion, anchor=anchor), GATE)
        assert (decision.outcome, is_best(decision)) == (NightOutcome.PROMOTED, best)
    for changes in ({"champion": None}, {"champion": None, "incomparable": "lost"}):
        assert is_best(decide(comparison(predicted(30), **changes), GATE))
    assert is_best(decide(comparison(predicted(50), champion), GATE, force_reason="the market has changed"))
