import pytest

from pipeline.runtime.packages import MissingPackageError
from pipeline.runtime.workers import ADDRESS, Threads, start_workers


def test_without_an_address_they_are_threads_and_keep_the_order(monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    with start_workers() as workers:
        assert isinstance(workers, Threads)
        assert list(workers.map(str, range(9))) == [str(number) for number in range(9)]


def test_an_address_without_dask_says_what_to_install(monkeypatch):
    monkeypatch.setenv(ADDRESS, "local:2")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(
            MissingPackageError, match=r"needs distributed, cryptography; found .*salary-pipeline\[cluster\]"
        ),
        start_workers(),
    ):
        pass


@pytest.mark.parametrize("address", ["local:", "local:0", "local:-1", "local:two", "local:1000"])
def test_a_number_of_workers_that_is_none_is_refused(monkeypatch, address):
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(ValueError, match=f"must be 1 to 999, found {address}; write local:4"), start_workers():
        pass


def test_an_address_where_nobody_answers_is_refused(monkeypatch):
    monkeypatch.setattr("pipeline.runtime.dask_workers.CONNECT_SECONDS", 0.5)
    monkeypatch.setenv(ADDRESS, "tcp://127.0.0.1:1")
    with (
        pytest.raises(Exception, match=r"Dask's scheduler tcp://127.0.0.1:1 must answer, found that .*; start it"),
        start_workers(),
    ):
        pass
