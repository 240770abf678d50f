"""The products of compiled loops: against whole numbers, which no order of a sum can change, and against themselves."""

import pytest

from pipeline.model.reproducible import torch
from tests.support.kernels import call
from tests.support.recipes import seeded
from tests.support.skips import needs_a_compiler, needs_avx2, reason

pytestmark = [needs_a_compiler, needs_avx2]
KINDS = [False, *([True] if torch.cpu.get_capabilities().get("avx512_f") else [])]  # what this CPU can run
SHAPES = [(1, 1, 1), (6, 256, 16), (12, 257, 32), (13, 300, 33), (70, 600, 5), (5, 3, 100), (24, 512, 64)]  # m, k, n


def product(a, b, *, avx512):
    return call("product", a, b, avx512=avx512)


def matrices(shape, *, turned=(False, False), draw=torch.rand):
    """Two factors, each of which may lie in memory column by column, in the middle of other numbers."""
    m, k, n = shape
    generator = seeded()
    for (rows, columns), other in zip(((m, k), (k, n)), turned, strict=True):
        size = (columns + 1, rows + 3) if other else (rows + 1, columns + 3)
        numbers = draw(size, generator=generator)[1:, 1:-2]
        yield numbers.t() if other else numbers


def whole(size, *, generator):
    return torch.randint(-9, 10, size, generator=generator).float()


@pytest.mark.usefixtures("compiled_code")
@pytest.mark.parametrize("avx512", KINDS)
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_products_of_whole_numbers_are_exact_wherever_they_lie(avx512, turned):
    for shape in SHAPES:
        a, b = matrices(shape, turned=turned, draw=whole)
        assert torch.equal(product(a, b, avx512=avx512), a @ b)


@pytest.mark.usefixtures("compiled_code")
@pytest.mark.skipif(len(KINDS) == 1, reason=reason("the CPU has no AVX-512", to_run="a machine whose CPU has it"))
def test_wider_vectors_change_no_bit():
    for shape in SHAPES:
        a, b = matrices(shape)
        assert torch.equal(product(a, b, avx512=False), product(a, b, avx512=True))


@pytest.mark.usefixtures("compiled_code")
@pytest.mark.parametrize("avx512", KINDS)
def test_an_element_is_one_chain_of_fused_multiply_adds_per_256_columns(avx512):
    a, b = torch.full((1, 514), 1 + 2**-12), torch.full((514, 1), 1 - 2**-12)
    a[:, 1:257], a[:, 257:] = 0, 0
    b[257:] = 0
    a[0, 256], b[256, 0] = 1, -1
    assert product(a, b, avx512=avx512).item() == (1.0 - 2**-24) - 1  # a product is not rounded before its sum is
    a[0, 256], a[0, 255], b[255, 0] = 0, 1, -1
    assert product(a, b, avx512=avx512).item() == -(2**-24)
