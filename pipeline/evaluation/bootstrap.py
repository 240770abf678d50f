"""How far two methods' errors are apart by chance: they are summed again over rows drawn anew."""

import numpy as np

ROUNDS = 2000
NUMBERS_AT_ONCE = 1 << 22


def resampled(
    errors: np.ndarray, others: np.ndarray, *, groups: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What two sums of squared errors on the same rows might have been, had other rows come: bootstrap draws of both.

    Whole groups of rows are drawn, the same for both methods: rows that are equal in all features are no independent
    draws (many are copies, or the two ends of one advertisement's pay band).

    Shape: all (rows,), groups numbered from 0; returns two (ROUNDS,).
    Source: the paired cluster bootstrap, Davison & Hinkley, "Bootstrap Methods and their Application" (1997), 3.8.
    """
    sums = np.stack([np.bincount(groups, weights=column) for column in (errors, others)], axis=1)  # (groups, 2)
    shares = np.full(len(sums), 1 / len(sums))  # each group is as likely as any other
    rounds = max(NUMBERS_AT_ONCE // len(sums), 1)  # so many at once, as how often each group is drawn must be in memory
    sizes = [min(rounds, ROUNDS - start) for start in range(0, ROUNDS, rounds)]
    # how often each group is drawn, (rounds, groups), times the groups' sums gives the sums of each round, (rounds, 2)
    ours, theirs = np.concatenate([rng.multinomial(len(sums), shares, size=size) @ sums for size in sizes]).T
    return ours, theirs
