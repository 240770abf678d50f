"""Where the tests of compiled trainings keep what they compile."""

import pytest

from pipeline.training.compiler import CACHE, keep_compiled_code_in


@pytest.fixture(scope="module")
def compiled_code(tmp_path_factory):
    """The folder of the compiled code of a module's tests."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, "")
        keep_compiled_code_in(folder)
        yield folder
