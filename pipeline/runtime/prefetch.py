"""Work done ahead in threads, for functions that compute outside Python's lock."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def prefetched(function: Callable[[T], R], items: Iterable[T], *, threads: int = 2) -> Generator[R, None, None]:
    """`map(function, items)`: the same results in the same order, as many as there are threads computed ahead.

    With one thread the calls, too, are made in the order of the items. After an error no call is begun.
    >>> list(prefetched(str, range(5)))
    ['0', '1', '2', '3', '4']
    """
    pool, waiting = ThreadPoolExecutor(threads), deque[Future[R]]()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
