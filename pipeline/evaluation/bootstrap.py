"""How far sums over rows are off by chance: they are summed again over rows drawn anew."""

import numpy as np

ROUNDS = 2000
NUMBERS_AT_ONCE = 1 << 22
EXACT_BITS = 52  # a float64 holds every whole number of so many bits
BLOCKS = 1024  # of cells: no more are drawn anew, however many rows there are
INTERVAL = (0.025, 0.975)  # what a 95 % interval leaves out at either end


def resampled(
    errors: np.ndarray, others: np.ndarray, *, groups: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What two sums of squared errors on the same rows might have been, had other rows come: bootstrap draws of both.

    Whole groups of rows are drawn, the same for both methods: rows that are equal in all features are no independent
    draws (many are copies, or the two ends of one advertisement's pay band).

    Shape: all (rows,), groups numbered from 0; returns two (ROUNDS,).
    """
    sums = np.stack([np.bincount(groups, weights=column) for column in (errors, others)], axis=1)  # (groups, 2)
    ours, theirs = redrawn(sums, rng=rng).T
    return ours, theirs


def redrawn(sums: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """What sums over all groups of rows might have been, had other groups come: each is as likely as any other.

    All columns are summed over the same draws, in whole multiples of a power of two so small that it tells nothing
    apart: such sums are exact in any order, so BLAS gives the same bytes on every CPU.

    Shape: sums (groups, columns), of each group's rows; returns (ROUNDS, columns).
    Source: the paired cluster bootstrap, Davison & Hinkley, "Bootstrap Methods and their Application" (1997), 3.8.
    """
    groups = len(sums)
    _, bits = np.frexp(np.abs(sums).max(axis=0) * groups)  # (columns,): a round's sum has no more
    unit = np.ldexp(1.0, bits - EXACT_BITS)
    whole = np.rint(sums / unit)
    at_once = max(NUMBERS_AT_ONCE // groups, 1)  # rounds, as how often each group is drawn must be in memory
    sizes = [min(at_once, ROUNDS - start) for start in range(0, ROUNDS, at_once)]
    draws: np.ndarray = np.concatenate([_counts(groups, size, rng) @ whole for size in sizes]) * unit
    return draws


def blocks_of(cells: int) -> int:
    """How many blocks of cells there are, for `redrawn`; cell n is in block n % `BLOCKS`."""
    return min(BLOCKS, cells)


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the 95 % interval of each column. Shape: draws (ROUNDS, columns); returns two (columns,).

    Source: the percentile interval, Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), 13.3.
    """
    low, high = np.quantile(draws, INTERVAL, axis=0)
    return low, high


def _counts(groups: int, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """How often each group is drawn in each round. Shape: returns (rounds, groups) float64."""
    drawn = rng.integers(groups, size=(rounds, groups)) + np.arange(rounds)[:, np.newaxis] * groups
    return np.bincount(drawn.ravel(), minlength=rounds * groups).reshape(rounds, groups).astype(np.float64)
