"""Where pure functions are computed over many items: in threads here, or by Dask's workers, which an address names.

Where they are computed decides nothing that is versioned: it is no setting of params.yaml.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from pipeline.runtime.arguments import PROGRAM
from pipeline.runtime.packages import require
from pipeline.runtime.prefetch import prefetched

T = TypeVar("T")
R = TypeVar("R")
ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""The variable of the environment: unset for threads, `local:4` for processes here, `tls://host:8786` for a cluster."""


class Workers(Protocol):
    """Whoever computes: another engine has to have this one method."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
        """The function of each item, in the order of the items, with a bounded number under way.

        The function is pure and may be computed more than once for an item. Raises: what it raises; RuleError if nobody
        can compute it.
        """


class Threads:
    """Threads of this process, for functions that compute outside Python's lock."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
        """As `Workers` says."""
        return prefetched(function, items)


@contextmanager
def start_workers(*packages: str) -> Iterator[Workers]:
    """Those whom the environment names; they have the code of this process, and the versions of these packages.

    Raises: MissingPackageError without Dask; ValueError if the address is none; RuleError if there is nobody, or if
    one has other code or another version.
    """
    address = os.environ.get(ADDRESS, "")
    if not address:
        yield Threads()
        return
    require(ADDRESS, "distributed", "cryptography", install=f"'{PROGRAM}[cluster]'")
    from pipeline.runtime.dask_workers import dask_workers  # an extra, and half a second

    with dask_workers(address, *packages) as found:
        yield found
