"""Files and folders at URLs, read by ranges of bytes and never as a whole, through the packages that DVC uses, too."""

import io
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pipeline.runtime.masking import masked
from pipeline.runtime.packages import require
from pipeline.runtime.ranges import Ranges
from pipeline.runtime.urls import check_table_url, is_url

BUFFER_BYTES = 1 << 20  # what a short read brings; a longer one is a request of its own
BRING_IT = "bring the table here: dvc get-url does"


@dataclass(frozen=True)
class Protocol:
    """The package that speaks it, what pip installs for DVC to do so, errors that are no OSError, and its options."""

    package: str
    install: str
    errors: tuple[str, ...]
    options: tuple[tuple[str, Any], ...] = ()


HTTP = Protocol(
    "aiohttp",
    "dvc-http",
    ("aiohttp:ClientError",),
    (
        ("client_kwargs", {"trust_env": True}),  # a proxy's address
        ("headers", {"Accept-Encoding": "identity"}),  # a range of compressed bytes would be another one
    ),
)
PROTOCOLS = {
    "s3": Protocol("s3fs", "dvc-s3", ("botocore.exceptions:BotoCoreError",)),
    "gs": Protocol(
        "gcsfs",
        "dvc-gs",
        ("gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError", "aiohttp:ClientError"),
    ),
    "https": HTTP,
    "http": HTTP,
}
"""By the scheme of a URL. Credentials come from the environment, as those packages look for them."""


class RemoteError(ValueError):
    """What is at a URL cannot be read or written, or has changed meanwhile."""


class NothingThereError(RemoteError, FileNotFoundError):
    """There is nothing at a URL."""


@dataclass(frozen=True)
class Remote:
    """A file or folder at a URL. One that was listed has its etag and size, in bytes, by which a change is noticed."""

    url: str
    etag: str = ""
    size: int = 0

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "Remote":
        return Remote(f"{self.url.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.url.rstrip("/").rpartition("/")[2]

    def files(self) -> dict[str, "Remote"]:
        """The file itself by its name; or all files in and below a folder, by their paths in it.

        Raises: RemoteError if there is nothing, if it cannot be listed, or if the server has no etags.
        """
        with self._told("readable") as system:
            info = system.info(self.url)
            if info["type"] == "file":
                return {self.name: self._listed(self.url, info)}
            found = system.find(self.url, detail=True)
            urls = {system.unstrip_protocol(path): entry for path, entry in found.items()}
        top = self.url.rstrip("/") + "/"
        files = {url.removeprefix(top): self._listed(url, entry) for url, entry in urls.items()}
        return {name: file for name, file in files.items() if name and not name.endswith("/")}  # S3's signs of folders

    @contextmanager
    def open(self, mode: Literal["rb"]) -> Iterator[BinaryIO]:  # as Path.open
        """The bytes of a file that was listed, as a stream that can be searched.

        Raises: RemoteError if they cannot be read, or if the file is no longer the one that was listed: when it is
        opened, when it has been read, and when what was read of it is no table.
        """
        self._check_unchanged()
        try:
            with io.BufferedReader(Ranges(self.read_bytes, self.size), BUFFER_BYTES) as file:
                yield file
        except ValueError:
            self._check_unchanged()
            raise
        self._check_unchanged()

    def read_bytes(self, start: int | None = None, end: int | None = None) -> bytes:
        """The file's bytes, or those from one offset to another. Raises: RemoteError if they cannot be read."""
        with self._told("readable") as system:
            data: bytes = system.cat_file(self.url, start=start, end=end)
        if start is not None and end is not None and len(data) != end - start:
            rule = "must answer with the bytes that are asked for"
            raise RemoteError(f"{self.url} {rule}, found {len(data):,} in place of {end - start:,}; {BRING_IT}")
        return data

    def write_bytes(self, data: bytes) -> None:
        """Write the file as a whole: nobody ever sees a part of it. Raises: RemoteError if that fails."""
        with self._told("writable") as system:
            system.pipe_file(self.url, data)

    def remove(self) -> None:
        """Remove the file, or the folder with all below it, if it is there. Raises: RemoteError if that fails."""
        with suppress(NothingThereError), self._told("writable") as system:
            system.rm(self.url, recursive=True)

    def _listed(self, url: str, info: dict[str, Any]) -> "Remote":
        etag = next((info[key] for key in ("ETag", "etag", "Content-MD5") if info.get(key)), None)
        if etag is None or info["size"] is None:
            rule = "must have an etag and a length, for changes to be noticed"
            raise RemoteError(f"{url} {rule}, found that the server does not say them; {BRING_IT}")
        return Remote(url, str(etag).strip('"'), info["size"])

    def _check_unchanged(self) -> None:
        if self.files() != {self.name: self}:
            rule, fix = "must stay as it is while it is read", "run it again once nobody writes to it"
            raise RemoteError(f"{self.url} {rule}, found another version than at the start; {fix}")

    @contextmanager
    def _told(self, rule: str) -> Iterator[Any]:
        """The file system of fsspec, which keeps no listing; what goes wrong with it is told in one message."""
        scheme = self.url.partition("://")[0]
        protocol = PROTOCOLS[scheme]
        require(f"a place at {scheme}://", protocol.package, install=protocol.install)
        import fsspec  # not above: local tables do without

        errors = tuple(pkgutil.resolve_name(name) for name in protocol.errors)
        try:
            yield fsspec.filesystem(scheme, use_listings_cache=False, **dict(protocol.options))
        except (OSError, RuntimeError, *errors) as error:
            fix = "check the address, the credentials in the environment, and the network"
            cause = (
                error.__cause__ or error
            )  # fsspec says of an HTTP error in a second one, which is the first one's cause
            kind = NothingThereError if type(cause) is FileNotFoundError else RemoteError
            raise kind(masked(f"{self.url} must be {rule}, found {_in_words(cause)}; {fix}")) from None


Place = Path | Remote
"""Where a table or a spill is."""


def size_of(file: Place) -> int:
    """How many bytes a file has, a remote one as it was listed."""
    return file.size if isinstance(file, Remote) else file.stat().st_size


def place_of(text: str) -> Place:
    """Where a path or a URL leads. Raises: ValueError as `check_table_url`.

    >>> str(place_of("data/raw/salaries.csv")), str(place_of("s3://salaries/raw"))
    ('data/raw/salaries.csv', 's3://salaries/raw')
    """
    if not is_url(text):
        return Path(text)
    check_table_url(text)
    return Remote(text)


def _in_words(cause: BaseException) -> str:
    if type(cause) is FileNotFoundError:
        return "nothing there"
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"
