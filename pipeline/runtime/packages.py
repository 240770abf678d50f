"""Which packages are installed, in which versions; and one message for all that are missing."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class MissingPackageError(ValueError):
    """A package that is needed is not installed."""


def installed(package: str) -> str:
    """The installed version, without the build (2.13.0 for 2.13.0+cpu)."""
    return importlib.metadata.version(package).split("+")[0]


class _Hidden(MetaPathFinder, Loader):
    """Has the import of a package fail as if there were none. Who asks whether it is installed hears that it is."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """What Python asks first."""
        return ModuleSpec(fullname, self) if fullname == self.package else None

    def exec_module(self, module: ModuleType) -> None:
        """What an import comes to. Raises: ModuleNotFoundError."""
        raise ModuleNotFoundError(f"{module.__name__} is hidden", name=module.__name__)


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
