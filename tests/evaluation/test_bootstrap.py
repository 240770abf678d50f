import numpy as np

from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import ROUNDS, resampled

ERRORS, OTHERS = np.arange(12.0), np.arange(12.0)[::-1].copy()
GROUPS = np.arange(12) // 3


def draws(groups=GROUPS):
    return resampled(ERRORS, OTHERS, groups=groups, rng=np.random.default_rng(1))


def test_the_draws_lie_around_the_sums_as_far_as_theory_says():
    ours, theirs = draws()
    sums = np.bincount(GROUPS, weights=ERRORS)
    spread = np.sqrt(len(sums) * sums.var())  # of a sum of as many draws with replacement
    assert abs(ours.mean() - ERRORS.sum()) < 4 * spread / np.sqrt(ROUNDS)
    assert abs(ours.std() / spread - 1) < 0.1
    assert ours.shape == theirs.shape == (ROUNDS,)


def test_both_methods_are_summed_over_the_same_draws():
    ours, theirs = resampled(ERRORS, 2 * ERRORS, groups=GROUPS, rng=np.random.default_rng(1))
    assert np.array_equal(theirs, 2 * ours)


def test_whole_groups_are_drawn_so_one_group_never_varies():
    ours, _ = draws(np.zeros(12, np.int64))
    assert set(ours) == {ERRORS.sum()}


def test_memory_is_bounded_and_changes_no_draw(monkeypatch):
    whole = draws()
    monkeypatch.setattr(bootstrap, "NUMBERS_AT_ONCE", 30)
    assert all(np.array_equal(one, other) for one, other in zip(whole, draws(), strict=True))
