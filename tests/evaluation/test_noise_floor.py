import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.noise_floor import CellTotals, cell_mean, cell_numbers, noise_floor, noise_floors
from tests.support.splits import in_blocks

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400_000)), min_size=2, max_size=60)


def columns(**values):
    return {name: np.array(column) for name, column in values.items()}


def test_rows_share_a_cell_exactly_if_all_their_codes_are_equal():
    cells = cell_numbers(columns(level=[1, 1, 2, 1], size=[1, 2, 1, 1]))
    assert cells[0] == cells[3]
    assert len(set(cells.tolist())) == 3


def totals(cells, usd):
    """The totals of rows of which each is another."""
    return CellTotals.of([columns(cell=cells, salary_in_usd=usd, row_hash=range(len(usd)))], cells=max(cells) + 1)


def test_the_cell_mean_is_that_of_the_training_rows_of_the_cell_or_of_all_if_it_has_none():
    train = totals([0, 0, 1], [10, 20, 60])
    assert cell_mean(train, np.array([1, 0, -1])).tolist() == [60.0, 15.0, 30.0]


def test_totals_tell_rows_from_different_rows():
    rows = columns(cell=[0, 1, 1, 1, 1], salary_in_usd=[10, 20, 20, 20, 50], row_hash=[3, 5, 5, 5, 8])
    found = CellTotals.of([rows], cells=3)
    assert found.rows.tolist() == [1, 4, 0]
    assert found.target.tolist() == [10, 110, 0]
    assert found.different.tolist() == [1, 2, 0]
    assert found.squared_copies.tolist() == [1, 3 * 3 + 1, 0]
    assert found.mean.tolist() == [10, 27.5, 0]
    assert found.mean_of(np.array([True, True, False])) == 24


@given(ROWS, st.integers(1, 9))
def test_blocks_of_any_size_give_the_floors_of_all_rows_to_the_last_bit(rows, size):
    cells, usd = np.array(rows).T
    hashes = np.arange(len(rows)) // 3
    cells, usd = cells[hashes * 3], usd[hashes * 3]
    split = columns(cell=cells, salary_in_usd=usd, row_hash=hashes)
    expected = [noise_floor(usd, cells=cells, rows=of) for of in (hashes, np.arange(len(rows)))]
    blocks = in_blocks(split, 3 * size)  # copies are never torn apart
    found = noise_floors(blocks, CellTotals.of(blocks, cells=cells.max() + 1))
    assert [floor and floor.mse for floor in found] == [floor and floor.mse for floor in expected]


def test_the_floor_weights_each_cell_by_its_rows():
    usd, cells = np.array([1.0, 3.0, 10.0, 10.0, 16.0, 99.0]), np.array([0, 0, 1, 1, 1, 2])
    floor = noise_floor(usd, cells=cells, rows=np.arange(6))
    assert floor is not None
    assert floor.mse == (2 * 2.0 + 3 * 12.0) / 5  # variances 2 and 12, of two rows and of three
    assert floor.known.tolist() == [True] * 5 + [False]


@given(ROWS)
def test_without_copies_the_variances_are_those_of_pandas(rows):
    cells, usd = np.array(rows).T
    grouped = pd.Series(usd).groupby(cells)
    variances, sizes = grouped.var(ddof=1).dropna(), grouped.size()
    floor = noise_floor(usd, cells=cells, rows=np.arange(len(rows)))
    if floor is None:
        assert variances.empty
    else:
        weights = sizes[variances.index]
        assert floor.mse == pytest.approx((variances * weights).sum() / weights.sum(), rel=1e-9, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 400_000), st.integers(1, 9)), min_size=2, max_size=20))
def test_with_copies_the_variance_is_that_of_numpy_under_reliability_weights(draws):
    usd, copies = np.array(draws).T
    rows = np.repeat(np.arange(len(draws)), copies)
    floor = noise_floor(usd[rows], cells=np.zeros(len(rows), int), rows=rows)
    assert floor is not None
    assert floor.mse == pytest.approx(float(np.cov(usd, aweights=copies)), rel=1e-9, abs=1e-6)


def test_copies_of_one_row_are_no_second_draw():
    usd, rows = np.array([5.0, 5.0, 5.0]), np.array([7, 7, 7], np.uint64)
    assert noise_floor(usd, cells=np.zeros(3, int), rows=rows) is None


def test_the_floor_is_the_error_of_the_truth_however_often_rows_are_copied():
    random = np.random.default_rng(1)
    floors: list[float] = []
    plain: list[float] = []
    for _ in range(200):
        draws = random.normal(0, 10, 60)
        copies = random.integers(1, 9, 60)
        rows = np.repeat(np.arange(60), copies)
        cells, usd = np.repeat(np.arange(60) // 2, copies), np.repeat(draws, copies)
        for found, of in ((floors, rows), (plain, np.arange(len(usd)))):
            floor = noise_floor(usd, cells=cells, rows=of)
            assert floor is not None
            found.append(floor.mse)
    assert np.mean(floors) == pytest.approx(100, rel=0.03)
    assert np.mean(plain) < 65  # as if each copy were a draw of its own


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    cells, usd = np.array(rows).T
    numbers = np.arange(len(rows)) // 2  # every second row counts as a copy of the one before
    usd, cells = usd[numbers * 2], cells[numbers * 2]
    order = random.sample(range(len(rows)), len(rows))
    here = noise_floor(usd, cells=cells, rows=numbers)
    there = noise_floor(usd[order], cells=cells[order], rows=numbers[order])
    if here is None or there is None:
        assert here is there
    else:
        assert (here.mse, here.known[order].tolist()) == (there.mse, there.known.tolist())


@given(ROWS)
def test_doubling_all_salaries_makes_the_floor_four_times_as_high(rows):
    cells, usd = np.array(rows).T
    one, two = (noise_floor(usd * factor, cells=cells, rows=np.arange(len(rows))) for factor in (1, 2))
    assert (one is None) == (two is None)
    assert one is None or two is None or two.mse == 4 * one.mse
