"""Which packages are installed, in which versions; and one message for all that are missing."""

import importlib.metadata
import importlib.util


class MissingPackageError(ValueError):
    """A package that is needed is not installed."""


def installed(package: str) -> str:
    """The installed version, without the build (2.13.0 for 2.13.0+cpu)."""
    return importlib.metadata.version(package).split("+")[0]


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
