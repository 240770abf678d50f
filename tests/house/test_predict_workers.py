"""Predict on Dask's workers: the same bytes as on threads, and a killed worker costs nothing."""

from contextlib import contextmanager

import pytest

from pipeline import predict
from pipeline.runtime.dask_workers import dask_workers
from tests.support.disturbed import SOCKETS_OF_THE_DEAD, Disturbed, is_running, kill_worker
from tests.support.tables import row, rows, table

pytestmark = SOCKETS_OF_THE_DEAD
LINES = [*rows(300), row(company_size="XL"), "x", row(job_title="Bard"), *rows(200)]


@pytest.mark.soak
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_killed_worker_changes_no_byte(modelled, tmp_path, monkeypatch, suffix):
    (tmp_path / "accidents").mkdir()
    (tmp_path / "new.csv").write_bytes(table(LINES))
    threads, workers = (tmp_path / f"{name}.{suffix}" for name in ("threads", "workers"))
    how = {"model": modelled.folder / "model", "block_bytes": 8_000}
    expected = predict.run(tmp_path / "new.csv", out=threads, **how)

    @contextmanager
    def disturbed(*packages):
        with dask_workers("local:2", *packages) as found:
            yield Disturbed(found, kill_worker, tmp_path / "accidents")

    monkeypatch.setattr(predict, "start_workers", disturbed)
    assert predict.run(tmp_path / "new.csv", out=workers, **how) == expected
    assert workers.read_bytes() == threads.read_bytes()
    (victim,) = [int(file.name) for file in (tmp_path / "accidents").iterdir()]
    assert not is_running(victim)
