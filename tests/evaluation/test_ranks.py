import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.ranks import quantile, rows_below

CELLS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.3, 7.7, 1e5 / 3]) | st.floats(1, 1e7), st.integers(1, 9)), min_size=1
)


def in_rows(cells):
    values, rows = (np.array(column) for column in zip(*cells, strict=True))
    return values, rows, np.repeat(values, rows)


@given(CELLS, st.sampled_from([0.1, 0.5, 0.0, 1.0, 0.37]))
def test_a_quantile_is_that_of_all_rows_to_the_last_bit(cells, level):
    values, rows, all_rows = in_rows(cells)
    assert quantile(values, rows, level) == np.quantile(all_rows, level)


@given(CELLS)
def test_the_rows_below_a_value_are_counted(cells):
    values, rows, all_rows = in_rows(cells)
    assert rows_below(values, rows).tolist() == [int((all_rows < value).sum()) for value in values]
