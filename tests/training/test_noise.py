"""The noise of compiled loops against torch.rand, number by number."""

import pytest

from pipeline.model.reproducible import torch
from pipeline.training import kernels, noise
from pipeline.training.compiler import compiler_name
from tests.support.recipes import seeded
from tests.support.skips import needs_a_compiler, needs_avx2

pytestmark = [needs_a_compiler, needs_avx2, pytest.mark.usefixtures("compiled_code")]
COUNTS = [1, 5, 622, 623, 624, 625, 1248, 10_000]  # the twister turns every 624 numbers


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_the_numbers_and_the_generator_afterwards_are_torchs(seed):
    ours, torchs = seeded(seed), seeded(seed)
    for count in [*COUNTS, *reversed(COUNTS)]:
        drawn = noise.uniform(count, 3, generator=ours, library=kernels.load(compiler_name()))
        assert torch.equal(drawn, torch.rand(count, 3, generator=torchs))
        assert torch.equal(ours.get_state(), torchs.get_state())
    assert torch.equal(torch.randperm(100, generator=ours), torch.randperm(100, generator=torchs))
