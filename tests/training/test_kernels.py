"""The library of compiled loops is compiled once."""

from pipeline.training import kernels
from pipeline.training.compiler import compiler_name
from tests.support.skips import needs_a_compiler, needs_avx2

pytestmark = [needs_a_compiler, needs_avx2]


def test_a_library_is_compiled_once(compiled_code):
    paths = {kernels.library(compiler_name(), avx512=False) for _ in range(2)}
    assert len(paths) == 1
    assert set((compiled_code / "kernels").iterdir()) >= paths
    assert all(path.suffix == ".so" for path in (compiled_code / "kernels").iterdir())
