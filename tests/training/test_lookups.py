"""The embeddings of compiled loops against torch's own, which they equal to the last bit."""

import pytest

from pipeline.model.reproducible import torch
from tests.support.kernels import call
from tests.support.recipes import seeded
from tests.support.skips import needs_a_compiler, needs_avx2

pytestmark = [needs_a_compiler, needs_avx2, pytest.mark.usefixtures("compiled_code")]
WIDTHS = [1, 3, 16, 17]


def numbers(*shape):
    return torch.rand(shape, generator=seeded(1)) - 0.5


def draw_places(count, *, rows):
    return torch.randint(rows, (count,), generator=seeded(2))


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_looked_up(width):
    places = draw_places(200, rows=9)
    for table in (numbers(9, width), numbers(width, 9).t(), numbers(18, width)[::2]):  # wherever they lie
        assert torch.equal(call("looked_up", table, places), table[places])


@pytest.mark.parametrize("width", WIDTHS)
def test_the_values_of_a_row_are_summed_in_their_order(width):
    places = draw_places(200, rows=9)
    for values in (numbers(200, width), numbers(width, 200).t()):
        expected = torch.zeros(11, width).index_put([places], values, accumulate=True)  # one after the other
        assert torch.equal(call("summed_up", values, places, 11), expected)


@pytest.mark.parametrize("wrong", [-1, 9])
def test_a_place_outside_the_table_is_an_error(wrong):
    places = torch.tensor([0, wrong])
    with pytest.raises(RuntimeError):
        call("looked_up", numbers(9, 2), places)
    with pytest.raises(RuntimeError):
        call("summed_up", numbers(2, 2), places, 9)
