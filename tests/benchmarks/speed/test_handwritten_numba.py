"""The network by hand in numba is right, too."""

import numpy as np
import pytest

from benchmarks.speed.handwritten_c import Net
from tests.benchmarks.speed.conftest import BATCH, ROWS
from tests.benchmarks.speed.test_handwritten_c import weights_after_torch
from tests.support.skips import reason


def test_numba_trains_as_torch_does(task):
    install = "python -m pip install --requirement benchmarks/peers.txt"
    pytest.importorskip("numba", reason=reason("numba is not installed", to_run=install))
    from benchmarks.speed.handwritten_numba import numba_steps

    net, order = Net(task), np.random.default_rng(1).permutation(ROWS)
    numba_steps(net, batch=BATCH)(order)
    np.testing.assert_allclose(net.weights, weights_after_torch(task, order), atol=1e-6)
