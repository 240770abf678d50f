"""The learning rate of each step of a training."""

import math
from collections.abc import Iterator

from pipeline.params import Optimizer


def learning_rates(settings: Optimizer, *, steps: int) -> Iterator[float]:
    """The learning rate of each step: constant; down to 0 along half a cosine; or up and down in straight lines.

    Source: Loshchilov & Hutter, "SGDR" (2017), and Smith & Topin, "Super-Convergence" (2018), with the shares of
    torch's CosineAnnealingLR and OneCycleLR, the tests' oracles.
    """
    peak = settings.learning_rate
    # one cycle: from `first` up to the peak at step `turn`, 30 % of the way, then down to `last` at the last step
    first, last, turn = peak / 25, peak / 250_000, 0.3 * steps - 1
    for step in range(steps):
        if settings.schedule == "constant":
            yield peak
        elif settings.schedule == "cosine":
            yield peak * half_cosine(step / steps)  # SGDR's eta_max / 2 · (1 + cos(pi · T_cur / T_i)), without restarts
        elif step <= turn:
            yield first + (peak - first) * (step / turn)
        else:
            yield peak + (last - peak) * ((step - turn) / (steps - 1 - turn))


def half_cosine(share: float) -> float:
    """(1 + cos(pi · share)) / 2 for a share from 0 to 1, by its series: the last place of libm's cos follows the CPU.

    >>> half_cosine(0.0), half_cosine(0.5), half_cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    if share > 0.5:
        return 1 - half_cosine(1 - share)  # the series converges fastest near 0
    x_squared, total, term = (math.pi * share) ** 2, 1.0, 1.0
    for n in range(1, 12):  # cos x = sum of (-1)^n · x^(2n) / (2n)!, each term made from the one before
        term *= -x_squared / ((2 * n - 1) * (2 * n))
        total += term
    return (1 + total) / 2
