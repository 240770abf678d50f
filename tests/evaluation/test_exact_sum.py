import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.exact_sum import ExactSum, exact_mean

NUMBERS = st.lists(st.floats(-1e300, 1e300), max_size=40) | st.lists(st.floats(-1e-300, 1e-300), max_size=9)


@given(NUMBERS, st.integers(1, 9))
def test_a_sum_of_blocks_is_that_of_all_numbers_rounded_once(numbers, size):
    total = ExactSum()
    for start in range(0, len(numbers), size):
        total.add(np.array(numbers[start : start + size]))
    assert total.value == math.fsum(numbers) == float(sum(map(Fraction, numbers)))


def test_what_rounding_at_each_step_would_lose_is_kept():
    total = ExactSum()
    for _ in range(10):
        total.add(np.full(1000, 0.1))
    assert total.value == math.fsum([0.1] * 10_000) != np.cumsum([0.1] * 10_000)[-1]


def test_nothing_adds_up_to_zero():
    total = ExactSum()
    total.add(np.array([]))
    assert total.value == 0.0


def test_a_mean_knows_no_blocks():
    assert exact_mean([np.array([1.0, 2.0]), np.array([6.0])]) == 3.0
    with pytest.raises(ZeroDivisionError):
        exact_mean([])
