import numpy as np
import pytest

from pipeline.data.code_rows import codes_of, distinct, keys


def codes(count, columns):
    return np.random.default_rng(count).integers(-2, 3, (count, columns)).astype(np.int16)


@pytest.mark.parametrize("columns", [1, 3, 14])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_distinct_rows_are_those_of_numpy(count, columns):
    table = codes(count, columns)
    rows, inverse = distinct(table)
    assert (rows[inverse] == table).all()
    assert len(rows) == len(np.unique(table, axis=0))
    _, firsts = np.unique(inverse, return_index=True)  # where each number first stands
    assert firsts.tolist() == sorted(firsts)


def test_keys_are_of_the_rows_however_they_lie_in_memory():
    table = codes(20, 6)
    turned = np.asfortranarray(table)
    assert keys(turned).equals(keys(table))
    assert (codes_of(keys(table)) == table).all()
    assert (codes_of(keys(table).slice(5, 9)) == table[5:14]).all()
