"""Which packages are installed, in which versions; and one message for all that are missing."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class MissingPackageError(ValueError):
    """A package that is needed is not installed."""


def installed(package: str) -> str:
    """The installed version, without the build (2.13.0 for 2.13.0+cpu)."""
    return importlib.metadata.version(package).split("+")[0]


class _Hidden(MetaPathFinder):
    """Says of a package that there is none."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """What Python asks first. Raises: ModuleNotFoundError for the package."""
        if fullname == self.package:
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """In the block, let nothing import the package that nothing has imported yet, as others do if it is installed."""
    finder = _Hidden(package)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def require(what: str, *packages: str, install: str) -> None:
    """Raise MissingPackageError if one of the packages that something needs is not installed.

    install: what pip installs to bring them.

    >>> require("a table", "json", install="a-table")
    >>> require("--cube", "no_cube", install="cubes")
    Traceback (most recent call last):
    pipeline.runtime.packages.MissingPackageError: --cube needs no_cube; found no no_cube; python -m pip install cubes
    """
    if missing := [name for name in packages if not importlib.util.find_spec(name)]:
        found = " and ".join(f"no {name}" for name in missing)
        raise MissingPackageError(f"{what} needs {', '.join(packages)}; found {found}; python -m pip install {install}")
