import pytest

from pipeline.runtime import progress as module
from pipeline.runtime.progress import progress


def shown(results, total):
    return list(progress(results, "check", total=total, unit="part", rows=int))


def test_results_come_as_they_are():
    assert shown(iter([5, 6, 7]), 3) == [5, 6, 7]


def test_a_log_has_a_line_at_the_end_and_none_for_a_single_result(capsys):
    shown([5, 6], 2)
    shown([7], 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("check: part 2 of 2, 11 rows, ")
    assert line.endswith(" rows/s")


def test_a_log_has_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(module, "LOG_SECONDS", 0)
    shown([1000, 1000, 1000], 3)
    counts = [line.split(", ")[:2] for line in capsys.readouterr().err.splitlines()]
    assert counts == [
        ["check: part 1 of 3", "1,000 rows"],
        ["check: part 2 of 3", "2,000 rows"],
        ["check: part 3 of 3", "3,000 rows"],
    ]


def test_an_error_goes_on_to_who_asked():
    def fail():
        yield 1
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        shown(fail(), 2)
