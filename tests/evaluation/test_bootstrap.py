import numpy as np

from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import ROUNDS, interval, redrawn, resampled

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


def test_sums_over_draws_are_exact_in_any_order_of_the_columns():
    sums = np.random.default_rng(1).lognormal(0, 9, (500, 40))
    together = redrawn(sums, rng=np.random.default_rng(2))
    alone = [
        redrawn(sums[:, [column]], rng=np.random.default_rng(2))[:, 0] for column in range(40)
    ]  # no matrix product
    assert np.array_equal(together, np.stack(alone, axis=1))
    unit = 2.0 ** np.round(np.log2(sums.max(axis=0)) - 42)  # a fraction of one in 10¹² is told
    assert (np.abs(together - np.rint(together / unit) * unit) <= unit).all()


def test_sums_of_whole_numbers_stay_whole():
    drawn = redrawn(np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 0.0]]), rng=np.random.default_rng(1))
    assert set(drawn[:, 0]) <= {3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0}
    assert not drawn[:, 1].any()


def test_the_interval_of_a_mean_holds_in_95_of_100_samples():
    random, held = np.random.default_rng(3), 0
    for _ in range(200):
        sample = random.exponential(size=(60, 1))
        low, high = interval(redrawn(sample, rng=random) / 60)
        held += bool(low[0] <= 1 <= high[0])
    assert 0.88 < held / 200 < 0.99


def test_an_interval_leaves_out_as_many_draws_at_either_end():
    low, high = interval(np.stack([np.arange(2001.0), np.arange(2001.0) * 2], axis=1))
    assert low.tolist() == [50.0, 100.0]
    assert high.tolist() == [1950.0, 3900.0]
