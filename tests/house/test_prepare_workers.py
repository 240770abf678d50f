"""Prepare on Dask's workers: the same bytes as on threads, whatever happens to the workers."""

import pytest

from pipeline import prepare
from pipeline.runtime.dask_workers import dask_workers
from tests.conftest import prepare_settings
from tests.support.disturbed import SOCKETS_OF_THE_DEAD, Disturbed, is_running, kill_worker, lose_spill
from tests.support.tables import row, rows, table

pytestmark = SOCKETS_OF_THE_DEAD
LINES = [*rows(300), row(company_size="XL"), row(job_title='"told\nby phone,\nask again"'), "2023,SE", *rows(300)]
SETTINGS = prepare_settings(max_bad_fraction=0.1)
CHECK, ENCODE = 0, 1


@pytest.fixture(scope="module")
def workers():
    with dask_workers("local:2") as found:
        yield found


@pytest.fixture
def prepared(tmp_path):
    """Prepares a table of many parts on these workers; returns its files."""
    (tmp_path / "table.csv").write_bytes(table(LINES))

    def prepare_on(workers, name):
        out = tmp_path / name
        prepare.run(
            tmp_path / "table.csv",
            out=out,
            metrics=out / "counts.json",
            report=out / "report.txt",
            settings=SETTINGS,
            workers=workers,
            part_bytes=8_000,
            block_bytes=3_000,
        )
        return {file.name: file.read_bytes() for file in out.iterdir()}

    return prepare_on


@pytest.fixture
def accidents(tmp_path):
    folder = tmp_path / "accidents"
    folder.mkdir()
    return folder


def test_workers_make_the_bytes_that_threads_make(prepared, workers):
    on_threads = prepared(None, "threads")
    assert len(on_threads) == 7
    assert prepared(workers, "workers") == on_threads


@pytest.mark.soak
@pytest.mark.parametrize("in_pass", [CHECK, ENCODE])
def test_a_worker_killed_in_either_pass_changes_no_byte(prepared, workers, accidents, in_pass):
    disturbed = Disturbed(workers, kill_worker, accidents, in_pass=in_pass)
    assert prepared(disturbed, "disturbed") == prepared(None, "threads")
    (victim,) = disturbed.victims()
    assert not is_running(victim)


@pytest.mark.soak
def test_a_lost_spill_is_made_again(prepared, workers, accidents):
    disturbed = Disturbed(workers, lose_spill, accidents, in_pass=ENCODE)
    assert prepared(disturbed, "disturbed") == prepared(None, "threads")
    assert disturbed.victims()


@pytest.mark.soak
def test_a_part_that_kills_each_worker_is_named_and_leaves_nothing(prepared, workers, accidents, tmp_path):
    disturbed = Disturbed(workers, kill_worker, accidents, always=True)
    with pytest.raises(Exception, match=r"table.csv from byte [\d,]+ must be computed by the workers, found that 4"):
        prepared(disturbed, "disturbed")
    assert not list((tmp_path / "disturbed").iterdir())
