import threading

import pytest

from pipeline.runtime.prefetch import prefetched


def test_results_come_in_the_order_of_the_items():
    first_may_end = threading.Event()

    def slow_first(item):
        if item == 0:
            first_may_end.wait()
        elif item == 1:
            first_may_end.set()
        return item * 10

    assert list(prefetched(slow_first, range(5))) == [0, 10, 20, 30, 40]


def test_few_items_are_taken_ahead():
    items = iter(range(100))
    assert next(prefetched(str, items, threads=3)) == "0"
    assert next(items) == 4


def test_one_thread_makes_the_calls_in_the_order_of_the_items():
    called: list[int] = []
    assert list(prefetched(called.append, range(100), threads=1)) == [None] * 100
    assert called == list(range(100))


def test_after_an_error_no_call_is_begun():
    called = []

    def fails_at_first(item):
        called.append(item)
        if item == 0:
            raise ValueError(item)

    results = prefetched(fails_at_first, range(10), threads=1)
    with pytest.raises(ValueError, match="0"):
        next(results)
    assert called in ([0], [0, 1])  # the next one may have begun before the error was known


def test_an_error_comes_in_its_place():
    results = prefetched(lambda item: 6 // item, [2, 0, 1])
    assert next(results) == 3
    with pytest.raises(ZeroDivisionError):
        next(results)
