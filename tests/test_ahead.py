import threading

import pytest

from pipeline.ahead import THREADS, ahead


def test_results_come_in_the_order_of_the_items():
    first_may_end = threading.Event()

    def slow_first(item):
        if item == 0:
            first_may_end.wait()
        elif item == 1:
            first_may_end.set()
        return item * 10

    assert list(ahead(slow_first, range(5))) == [0, 10, 20, 30, 40]


def test_few_items_are_taken_ahead():
    items = iter(range(100))
    assert next(ahead(str, items)) == "0"
    assert next(items) == THREADS + 1


def test_an_error_comes_in_its_place():
    results = ahead(lambda item: 6 // item, [2, 0, 1])
    assert next(results) == 3
    with pytest.raises(ZeroDivisionError):
        next(results)
