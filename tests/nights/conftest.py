"""What tests of nights share."""

import pytest

from pipeline.data.raw_table import read_table
from tests.conftest import prepare_settings
from tests.support.tables import table


@pytest.fixture
def read(tmp_path):
    """Reads a table of these lines."""

    def read(lines):
        (tmp_path / "table.csv").write_bytes(table(lines))
        return read_table(tmp_path / "table.csv", settings=prepare_settings())

    return read
