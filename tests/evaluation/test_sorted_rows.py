import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.schema import HASH, TARGET
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.sorted_rows import head, sorted_rows

HASHES = [2**63, 1, 5, 1, 2**64 - 1]


@pytest.fixture
def rows(tmp_path):
    """Five rows of two cells, whose prediction is their level times ten."""
    levels = pa.array([2, 7, 2, 7, 2], pa.int16())
    table = pa.table({"level": levels, TARGET: pa.array(range(5), pa.int32()), HASH: pa.array(HASHES, pa.uint64())})
    pq.write_table(table, tmp_path / "test.parquet", row_group_size=2)
    return sorted_rows(
        tmp_path / "test.parquet",
        tmp_path / "scratch",
        cells={"cell": Cells(["level"])},
        columns=(TARGET, HASH),
        predict=lambda codes: codes["level"] * 10.0,
    )


def test_rows_come_in_the_order_of_their_hashes_with_their_cells_and_predictions(rows):
    for _ in range(2):
        block = head(rows, 100)
        assert block[HASH].tolist() == sorted(HASHES)
        assert [HASHES[number] for number in block[TARGET]] == sorted(HASHES)
        assert block["cell"].tolist() == [0, 0, 1, 1, 1]
        assert block["predicted"].tolist() == [70, 70, 20, 20, 20]
    assert rows.cells.codes["level"].tolist() == [7, 2]
    assert rows.cells.rows.tolist() == [2, 3]
    assert "level" not in block


def test_nothing_but_the_sorted_rows_is_left_on_disk(rows):
    assert list(rows.file.path.parent.iterdir()) == [rows.file.path]


def test_the_first_rows_are_gathered_from_as_many_blocks_as_it_takes():
    blocks = [{HASH: np.arange(start, start + 3)} for start in (0, 3, 6)]
    for count, found in ((2, 2), (3, 3), (5, 5), (100, 9)):
        assert head(blocks, count)[HASH].tolist() == list(range(found))
