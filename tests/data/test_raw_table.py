import gzip
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.contract_report import ContractReport
from pipeline.data.raw_table import clean_blocks, new_rows, read_table
from pipeline.data.split import SPLITS
from tests.conftest import prepare_settings
from tests.support.tables import parquet, row, rows, table


@pytest.fixture
def read(tmp_path):
    """Reads a table from its lines."""

    def read(lines, **options):
        (tmp_path / "table.csv").write_bytes(table(lines))
        return read_table(tmp_path / "table.csv", settings=prepare_settings(max_bad_fraction=0.5), **options)

    return read


def test_the_splits_are_those_of_the_prepare_stage(read, stage):
    stage.run(table(rows(200)))
    found = read(rows(200))
    sizes = {name: len(found.positions(name)) for name in SPLITS}
    assert sizes == {name: stage.metrics[f"rows_{name}"] for name in SPLITS}
    assert min(sizes.values()) > 0


def test_blocks_leave_no_trace(read):
    whole, parts = read(rows(200)), read(rows(200), block_bytes=500)
    assert parts.rows.to_pylist() == whole.rows.to_pylist()
    assert np.array_equal(parts.hashes, whole.hashes)


def test_broken_rows_are_left_out_and_counted(read):
    found = read([*rows(10), row(company_size="XL")])
    assert (len(found.hashes), found.contract_report.quarantined) == (10, 1)


def test_a_table_that_breaks_the_contract_is_refused(read):
    with pytest.raises(ValueError, match="2 of 3 rows break the data contract"):
        read([*rows(1), row(company_size="XL"), row(remote_ratio="7")])


def test_each_block_is_counted_before_it_comes_out(tmp_path):
    raw = tmp_path / "table.csv"
    raw.write_bytes(table([*rows(20), row(company_size="XL"), *rows(20)]))
    report, seen = ContractReport(), []
    for block in clean_blocks(raw, report=report, max_bad_fraction=0.5, block_bytes=300):
        seen.append((block.rows.num_rows, block.quarantine.num_rows, block.size))
        assert report.rows == sum(kept + broken for kept, broken, _ in seen)
    assert (report.rows, report.quarantined, len(seen) > 3) == (41, 1, True)
    assert sum(size for *_, size in seen) == len(table([*rows(20), row(company_size="XL"), *rows(20)], header="")) - 2


def test_a_folder_is_read_as_its_files_put_together(read, tmp_path):
    lines = [*rows(100), row(company_size="XL"), *rows(30)]
    whole, folder = read(lines), tmp_path / "tables"
    folder.mkdir()
    (folder / "a.csv").write_bytes(table(lines[:70]))
    (folder / "b.csv").write_bytes(gzip.compress(table(lines[70:])))
    found = read_table(folder, settings=prepare_settings(max_bad_fraction=0.5))
    assert found.rows.to_pylist() == whole.rows.to_pylist()
    (violation,) = found.contract_report.violations.values()
    assert [str(example) for example in violation.examples] == ["b.csv, line 32: found 'XL'"]


def test_the_last_block_comes_out_before_the_table_is_refused(tmp_path):
    raw = tmp_path / "table.csv"
    raw.write_bytes(table([*rows(2), row(company_size="XL")]))
    blocks = clean_blocks(raw, report=ContractReport(), max_bad_fraction=0.0)
    assert next(blocks).rows.num_rows == 2
    with pytest.raises(ValueError, match="1 of 3 rows break the data contract"):
        next(blocks)


def test_a_file_that_is_no_table_is_refused_before_the_first_block(tmp_path):
    with pytest.raises(
        ValueError, match=r"must be a CSV or Parquet file, or a folder of such, found nothing; set data\.path"
    ):
        clean_blocks(tmp_path / "table.csv", report=ContractReport(), max_bad_fraction=0.0)


@given(before=st.lists(st.integers(0, 5), min_size=1, max_size=12), after=st.lists(st.integers(0, 5), min_size=1))
def test_new_rows_are_what_the_later_table_has_more_often(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("tables")
    tables = []
    for number, salaries in enumerate((before, after)):
        file = folder / f"{number}.csv"
        file.write_bytes(table(row(salary_in_usd=50_000 + salary) for salary in salaries))
        tables.append(read_table(file, settings=prepare_settings()))
    new = tables[1].target[new_rows(*tables)] - 50_000
    assert Counter(new.tolist()) == Counter(after) - Counter(before)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, parquet])
def test_a_text_of_more_bytes_is_refused_however_it_is_packed(tmp_path, pack):
    raw = tmp_path / "table.csv"
    raw.write_bytes(pack(table(rows(200))))
    size = len(table(rows(200)))
    assert len(read_table(raw, settings=prepare_settings(), max_bytes=size).hashes) == 200
    with pytest.raises(ValueError, match=r"at most nightly.max_bytes, 5,000 bytes, once it is unpacked, found more"):
        read_table(raw, settings=prepare_settings(), max_bytes=5000, block_bytes=1000)
