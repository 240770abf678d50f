import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.cells import Cells
from pipeline.evaluation.noise_floor import cell_numbers
from tests.support.splits import in_blocks

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 32_767])), min_size=1, max_size=50)


def codes(rows):
    levels, sizes = np.array(rows, np.int16).T
    return {"level": levels, "size": sizes}


@given(ROWS, st.integers(1, 20))
def test_cells_are_numbered_as_they_appear_and_counted_whatever_the_blocks(rows, size):
    cells, expected = Cells(["level", "size"]), cell_numbers(codes(rows))
    found = np.concatenate([cells.add(block) for block in in_blocks(codes(rows), size)])
    assert found.tolist() == expected.tolist()
    assert cells.rows.tolist() == np.bincount(expected).tolist()
    assert list(zip(*cells.codes.values(), strict=True)) == list(dict.fromkeys(rows))


def test_cells_are_found_among_others_of_the_same_columns():
    some, others = Cells(["level", "size"]), Cells(["level", "size"])
    some.add(codes([(1, 2), (3, 4), (5, 6)]))
    others.add(codes([(5, 6), (0, 0), (1, 2)]))
    assert some.numbers_in(others).tolist() == [2, -1, 0]


def test_rows_are_counted_by_the_codes_of_a_column():
    cells = Cells(["level", "size"])
    cells.add(codes([(1, 2), (1, 3), (1, 3), (0, 0)]))
    assert cells.rows_by_code("level", codes=4).tolist() == [1, 3, 0, 0]
