from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.exact_layers import DIGITS, TINY, ExactLinear, digits_kept, whole_numbers

INPUTS = (1, 2, 3, 83, 128, 129, 1000, 4096)


def matrix(rows, columns, *, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(rows, columns)) * np.exp(3 * draw.normal(size=(rows, columns)))


@pytest.mark.parametrize("inputs", INPUTS)
def test_no_sum_of_products_outgrows_a_float64(inputs):
    largest = 2 ** digits_kept(inputs)  # rounding may reach it
    assert inputs * largest**2 <= 2**DIGITS
    assert inputs * (2 * largest) ** 2 * 2 > 2**DIGITS


@pytest.mark.parametrize("inputs", INPUTS)
def test_a_sum_is_the_same_in_any_order(inputs):
    values, layer = matrix(7, inputs), ExactLinear.of(matrix(3, inputs, seed=1), np.array([0.1, -0.2, 0.0]))
    order = np.random.default_rng(2).permutation(inputs)
    shuffled = ExactLinear(layer.weights[order], layer.powers, layer.bias, layer.digits)
    assert layer(values).tobytes() == shuffled(values[:, order]).tobytes()
    one_by_one = np.concatenate([layer(values[[row]]) for row in range(7)])  # no product of matrices, for BLAS
    assert layer(values).tobytes() == one_by_one.tobytes()


@pytest.mark.parametrize("inputs", INPUTS)
def test_the_layer_is_the_exact_sum_of_its_whole_numbers(inputs):
    values, layer = matrix(1, inputs), ExactLinear.of(matrix(1, inputs, seed=1), np.zeros(1))
    wholes, powers = whole_numbers(values, digits=layer.digits)
    assert np.array_equal(wholes, np.rint(wholes))
    exact = sum(int(one) * int(other) for one, other in zip(wholes[0], layer.weights[:, 0], strict=True))
    assert Fraction(layer(values).item()) == exact * Fraction(powers.item()) * Fraction(layer.powers.item())


@pytest.mark.parametrize("inputs", INPUTS)
def test_it_is_as_good_as_single_precision(inputs):
    values, weight = np.random.default_rng(0).normal(size=(50, inputs)), matrix(4, inputs, seed=1)
    sizes = np.abs(values).max(axis=1)[:, None] * np.abs(weight).max(axis=1)  # (rows, units)
    errors = np.abs(ExactLinear.of(weight, np.zeros(4))(values) - values @ weight.T) / sizes
    assert errors.max() <= inputs * 2.01 * 2.0 ** -digits_kept(inputs)  # each factor is off by half a digit


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=9), st.integers(1, 26))
def test_the_digits_kept_are_those_from_the_largest_on(values, digits):
    wholes, powers = whole_numbers(np.array([values]), digits=digits)
    assert np.abs(wholes).max() <= 2**digits
    assert np.log2(powers).item().is_integer()
    assert np.abs(wholes * powers - values).max() <= powers.item() / 2
    assert powers.item() <= 2 * max(*map(abs, values), TINY) * 2.0**-digits


def test_zeros_stay_zeros_and_a_bias_is_added():
    layer = ExactLinear.of(np.zeros((2, 3)), np.array([1.5, -1.0]))
    assert layer(np.zeros((2, 3))).tolist() == [[1.5, -1.0]] * 2


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_spoils_its_row_alone(value):
    values, layer = np.ones((3, 4)), ExactLinear.of(np.ones((2, 4)), np.zeros(2))
    values[1, 2] = value
    with np.errstate(invalid="ignore"):
        found = layer(values)
    assert np.isfinite(found).all(axis=1).tolist() == [True, False, True]
