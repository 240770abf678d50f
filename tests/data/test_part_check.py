from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import pyarrow as pa
import pytest

from pipeline.data.encoding import fit
from pipeline.data.part_check import check_part, check_parts
from pipeline.data.parts import plan
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.spills import encode_part
from pipeline.data.table_files import table_files
from tests.conftest import prepare_settings
from tests.support.tables import row, rows, table

SPLIT = prepare_settings().split
LINES = [*rows(20), row(company_size="XL"), row(job_title='"told\nby phone,\nask again"'), "2023,SE", *rows(9)]


@pytest.fixture
def parts(tmp_path):
    """A table's parts, several of which have a record that breaks the contract."""
    (tmp_path / "table.csv").write_bytes(table(LINES))
    return plan(table_files(tmp_path / "table.csv"), part_bytes=400)


@pytest.fixture
def check(tmp_path):
    return partial(check_part, settings=prepare_settings(), scratch=tmp_path)


def never(part):
    raise AssertionError(f"{part} is at hand")


def clean_rows(checked):
    return pa.Table.from_batches([spill.rows(again=never) for spill in checked.clean]).to_pylist()


def broken_records(checked):
    return [record for broken in checked.broken for record in broken.rows(again=never).to_pylist()]


def test_the_parts_together_are_what_the_table_is(parts, check):
    whole = check(replace(parts[0], end=None, number=99))
    table = check_parts(parts, map(check, parts), again=check)
    assert len(parts) > 4
    assert table.report == whole.report
    assert table.counts == whole.counts
    assert table.in_split.tolist() == whole.in_split.tolist()
    assert clean_rows(table) == clean_rows(whole)
    assert broken_records(table) == broken_records(whole)
    assert [record["line"] for record in broken_records(table)] == [22, 23, 26]
    assert set(clean_rows(table)[0]) == {*FEATURES, TARGET, "row_hash"}


def test_targets_are_counted_the_same_however_many_at_once(parts, check, monkeypatch):
    whole = replace(parts[0], end=None)
    together = check(whole, block_bytes=300).counts[TARGET]
    monkeypatch.setattr("pipeline.data.part_check.TARGETS_AT_ONCE", 5)
    assert check(whole, block_bytes=300).counts[TARGET] == together
    assert together.total() == check(whole).in_split[0] > 10


def test_a_part_may_be_checked_twice(parts, check):
    first = check(parts[0])
    before = clean_rows(first)
    assert clean_rows(check(parts[0])) == before == clean_rows(first)


def test_another_process_does_the_same_with_a_part(parts, check):
    here = check(parts[2])
    encode = partial(encode_part, encoder=fit(here.counts, min_count=1, target="standard"), split=SPLIT, again=check)
    before = clean_rows(here)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(check, parts[2]).result()
        assert pool.submit(encode, there.clean[0]).result() == encode(here.clean[0])
    assert there.report == here.report
    assert (there.counts, there.clean, there.broken) == (here.counts, here.clean, here.broken)
    assert clean_rows(there) == before


def test_a_part_that_begins_inside_of_a_record_is_checked_again_from_there(parts, check):
    moved, again = [], []
    for part in parts:
        shift = 10 if part.number == 2 else 0
        moved.append(replace(part, start=part.start + shift))

    def check_again(part):
        again.append(part)
        return check(part)

    table = check_parts(moved, map(check, moved), again=check_again)
    assert again == [parts[2]]
    assert table.report == check_parts(parts, map(check, parts), again=check).report
