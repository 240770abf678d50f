"""Which share each feature has in a prediction: its Shapley value, over all coalitions of features.

A coalition's worth is the model's mean answer when its features are the row's and all others are those of
representative rows. So the shares add up to the prediction less the average, equal features have equal shares, and one
that changes nothing has none.

Source: Shapley, "A Value for n-Person Games" (1953); Štrumbelj & Kononenko, "Explaining prediction models and
individual predictions with feature contributions" (2014), here with every coalition instead of a sample of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

Codes = Mapping[str, np.ndarray]


def coalition_worths(
    value: Callable[[Codes], np.ndarray], row: Codes, background: Codes, *, players: Sequence[Sequence[str]]
) -> np.ndarray:
    """The worth of each coalition; a player is the columns that one feature has.

    Shape: `value` takes columns of (n,) and returns (n,); row (1,) and background (rows,) by column; returns
    (2 ** players,), the coalition of the players in the bits of its position.
    """
    coalitions = np.arange(1 << len(players))  # the bits of 0b101 say: players 0 and 2 have joined, player 1 has not
    codes = {  # each (coalitions * background rows,): the row's code where the player has joined, else the background's
        name: np.where((coalitions >> player & 1)[:, None], row[name], background[name]).ravel()
        for player, columns in enumerate(players)
        for name in columns
    }
    means: np.ndarray = value(codes).reshape(len(coalitions), -1).mean(axis=1)  # (coalitions,)
    return means


def shapley_values(worths: np.ndarray) -> np.ndarray:
    """Each player's mean gain over the orders in which all could have joined.

    Shape: (2 ** players,) as of `coalition_worths`; returns (players,), with the sum worths[-1] - worths[0].

    >>> shapley_values(np.array([0.0, 10.0, 20.0, 50.0]))
    array([20., 30.])
    """
    count = (len(worths) - 1).bit_length()
    coalitions = np.arange(len(worths))
    sizes = np.bitwise_count(coalitions)  # how many have joined
    # The share of all orders in which just such a coalition, of n players, stands before the one who joins next.
    weights = np.array([1 / (count * math.comb(count - 1, size)) for size in range(count)])
    shares = []
    for player in range(count):
        without = coalitions[coalitions >> player & 1 == 0]  # (coalitions / 2,) those that the player can join
        gains = worths[without | 1 << player] - worths[without]
        shares.append(math.fsum((weights[sizes[without]] * gains).tolist()))
    return np.array(shares)


def apportion(shares: np.ndarray, *, total: int) -> np.ndarray:
    """The shares as whole numbers that add up to the total: rounded down, the largest remainders up.

    Shape: (shares,); returns the same shape, int64.
    Source: Hamilton's method of apportionment.

    >>> apportion(np.array([1.4, -0.5, 2.6]), total=4)
    array([1, 0, 3])
    """
    rounded: np.ndarray = np.floor(shares).astype(np.int64)
    each, left = divmod(total - int(rounded.sum()), len(shares))
    order = np.argsort(rounded - shares, kind="stable")  # the largest remainder first
    rounded[order[:left]] += 1
    return rounded + each
