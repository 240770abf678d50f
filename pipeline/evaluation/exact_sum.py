"""Sums over more rows than memory holds, exactly rounded: neither the blocks nor the rows' order leave a trace."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

HIGH, LOW = 27, 26  # bits of the two parts of a float64's 53: 2 ** 26 such parts add up without rounding


class ExactSum:
    """A sum of float64 numbers, rounded once: what `math.fsum` returns for all of them, a block at a time.

    >>> total = ExactSum()
    >>> for block in ([1e100, 1.0], [-1e100, 2.0]):
    ...     total.add(np.array(block))
    >>> total.value
    3.0
    """

    def __init__(self) -> None:
        self._wholes: Counter[int] = Counter()  # whole numbers, by the power of two that is their unit

    def add(self, values: np.ndarray) -> None:
        """Add numbers, all finite. Shape: (n,)."""
        if not len(values):
            return
        mantissas, powers = np.frexp(values)  # values = mantissas * 2 ** powers
        highs = np.floor(mantissas * 2**HIGH)
        lows = (mantissas * 2**HIGH - highs) * 2**LOW
        first = int(powers.min())
        for part, unit in ((highs, first - HIGH), (lows, first - HIGH - LOW)):
            sums = np.bincount(powers - first, part)  # (different powers,)
            self._wholes.update({unit + index: int(total) for index, total in enumerate(sums)})

    @property
    def value(self) -> float:
        """The sum so far."""
        unit = min(self._wholes, default=0)
        whole = sum(total << (power - unit) for power, total in self._wholes.items())
        return whole / (1 << -unit) if unit < 0 else float(whole << unit)  # both round once, to the nearest float


def exact_mean(blocks: Iterable[np.ndarray]) -> float:
    """The mean of all blocks' numbers, one or more. Shape: each (n,)."""
    total, rows = ExactSum(), 0
    for values in blocks:
        total.add(values)
        rows += len(values)
    return total.value / rows
