import itertools

import numpy as np
import pytest

from pipeline.inference.shapley import apportion, coalition_worths, shapley_values


def worths_of(value, row, background):
    """The worths when each column is a player."""
    row = {name: np.array([code]) for name, code in row.items()}
    background = {name: np.array(codes) for name, codes in background.items()}
    return coalition_worths(value, row, background, players=[[name] for name in row])


def test_a_linear_model_gives_each_feature_its_weight_times_its_distance_from_the_average():
    worths = worths_of(
        lambda codes: 5.0 + 2.0 * codes["a"] - 3.0 * codes["b"], {"a": 4, "b": 1}, {"a": [1, 3], "b": [2, 6]}
    )
    assert worths[0] == 5.0 + 2.0 * 2.0 - 3.0 * 4.0
    assert worths[-1] == 5.0 + 2.0 * 4.0 - 3.0 * 1.0
    assert shapley_values(worths).tolist() == [2.0 * (4 - 2), -3.0 * (1 - 4)]


def test_the_background_rows_keep_together():
    product = {"a": [0, 1], "b": [0, 1]}
    worths = worths_of(lambda codes: (codes["a"] * codes["b"]).astype(float), {"a": 1, "b": 1}, product)
    assert worths[0] == 0.5  # not the product of the columns' means


def test_a_player_may_have_many_columns():
    worths = coalition_worths(
        lambda codes: codes["title"] + 10.0 * codes["word"],
        {"title": np.array([1]), "word": np.array([1])},
        {"title": np.zeros(3, np.int16), "word": np.zeros(3, np.int16)},
        players=[["title", "word"]],
    )
    assert worths.tolist() == [0.0, 11.0]


def test_a_feature_that_the_model_does_not_read_has_no_share():
    random = np.random.default_rng(1)
    background = {name: random.integers(0, 9, 50) for name in "abc"}
    worths = worths_of(lambda codes: np.exp(codes["a"] / 7) * codes["c"] / 3, {"a": 4, "b": 1, "c": 2}, background)
    assert shapley_values(worths)[1] == 0.0


def test_players_that_gain_the_same_have_the_same_share():
    worths = np.array([0.0, 3.0, 3.0, 10.0])
    assert shapley_values(worths).tolist() == [5.0, 5.0]


def by_orders(worths):
    """The oracle: the mean gain of each player over all orders in which the players can join."""
    count = (len(worths) - 1).bit_length()
    orders = list(itertools.permutations(range(count)))
    gains = np.zeros(count)
    for order in orders:
        coalition = 0
        for player in order:
            gains[player] += worths[coalition | 1 << player] - worths[coalition]
            coalition |= 1 << player
    return gains / len(orders)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_shares_are_the_mean_gains_over_all_orders_and_add_up(count):
    worths = np.random.default_rng(count).normal(size=1 << count)
    shares = shapley_values(worths)
    assert shares == pytest.approx(by_orders(worths), abs=1e-12)
    assert shares.sum() == pytest.approx(worths[-1] - worths[0], abs=1e-12)


@pytest.mark.parametrize("total", [-1, 0, 1])
def test_apportioned_shares_add_up_and_are_the_nearest_that_can(total):
    shares = np.random.default_rng(3).normal(size=8) * 1000
    target = round(shares.sum()) + total
    rounded = apportion(shares, total=target)
    assert rounded.sum() == target
    assert np.abs(rounded - shares).max() < 1.2


def test_apportioned_shares_stay_as_they_are():
    assert apportion(np.array([5.0, 0.0, -7.0]), total=-2).tolist() == [5, 0, -7]
