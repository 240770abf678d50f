from dataclasses import replace

import pytest

from pipeline.runtime.dask_workers import CODE, dask_workers
from pipeline.runtime.errors import RuleError
from tests.support.disturbed import Disturbed, is_running, kill_worker


@pytest.fixture(scope="module")
def workers():
    with dask_workers("local:2") as found:
        yield found


def refuse(number):
    if number == 5:
        raise ValueError("five is no number here")
    return number


def test_results_come_in_the_order_of_the_items(workers):
    assert list(workers.map(str, range(20))) == [str(number) for number in range(20)]


def test_it_says_nothing_on_standard_output_where_predictions_may_go(capfd):
    with dask_workers("local:1") as found:
        assert list(found.map(len, [b"x" * 12_000_000])) == [12_000_000]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("1 workers at local:1, dashboard http")
    assert len(err.splitlines()) == 1


def test_an_error_is_the_functions_own(workers):
    results = workers.map(refuse, range(50))
    with pytest.raises(ValueError, match="five is no number here"):
        list(results)


def test_what_a_killed_worker_had_to_do_others_do(workers, tmp_path):
    disturbed = Disturbed(workers, kill_worker, tmp_path)
    assert list(disturbed.map(str, range(8))) == [str(number) for number in range(8)]
    (victim,) = disturbed.victims()
    assert not is_running(victim)


@pytest.mark.soak
def test_an_item_that_kills_each_worker_is_named(workers, tmp_path):
    disturbed = Disturbed(workers, kill_worker, tmp_path, always=True)
    with pytest.raises(RuleError, match=r"^item 2 must be computed by the workers, found that 4 workers died of it"):
        list(disturbed.map(str, [f"item {number}" for number in range(4)]))
    assert len(disturbed.victims()) == 4
    assert list(workers.map(str, range(3))) == ["0", "1", "2"], "the others go on"


@pytest.mark.parametrize("name", [CODE, "numpy", "no-such-package"])
def test_workers_with_another_version_are_refused_before_any_work_and_in_it(workers, name):
    other = replace(workers, required={**workers.required, name: "0.0"})
    with pytest.raises(RuleError, match=rf"Dask's scheduler must have {name} 0.0, found .*; install the same commit"):
        other.check()
    with pytest.raises(RuleError, match=f"the worker that computes must have {name} 0.0, found"):
        list(other.map(str, range(3)))
