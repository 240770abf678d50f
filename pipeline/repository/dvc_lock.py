"""What dvc.lock records of each stage, and the recorded files themselves where they are still at hand."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.runtime.yaml_files import read

LOCK = "dvc.lock"
Hashes = Mapping[str, str]  # the md5 of each path; that of a folder ends in .dir and is its listing's; a URL's etag


@dataclass(frozen=True)
class Stage:
    """A stage as it ran: what it read and wrote, its settings by file and key, and the bytes of each path."""

    reads: Hashes
    writes: Hashes
    settings: Mapping[str, object]
    sizes: Mapping[str, int] = field(default_factory=dict)


NEVER_RUN = Stage(reads={}, writes={}, settings={})


@dataclass(frozen=True)
class Artifact:
    """A file that a stage writes, by its recorded md5 and its new one; None where it does not exist."""

    path: str
    recorded: str | None
    found: str | None


def read_lock(file: Path) -> dict[str, Stage]:
    """The stages by name, in an order to run them. Raises: ValueError if it is missing, or not as DVC wrote it."""
    try:
        stages = {name: _stage(entry) for name, entry in read(file)["stages"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise ValueError(f"{file.name} must be as DVC wrote it, found {found}") from None
    order = TopologicalSorter({name: _writers(stage.reads, stages) for name, stage in stages.items()})
    return {name: stages[name] for name in order.static_order()}


def inputs(stages: Mapping[str, Stage]) -> Hashes:
    """What the stages read and none of them writes: code and tables."""
    read = {path: md5 for stage in stages.values() for path, md5 in stage.reads.items()}
    return {path: md5 for path, md5 in read.items() if not _writers([path], stages)}


def outputs(stages: Mapping[str, Stage]) -> Hashes:
    """What the stages write."""
    return {path: md5 for stage in stages.values() for path, md5 in stage.writes.items()}


def artifacts(recorded: Mapping[str, Stage], found: Mapping[str, Stage], *, caches: "Caches") -> Iterator[Artifact]:
    """Each file that the found stages write or have written, in the order of the stages.

    A folder counts as one file if a listing is not at hand. dvc.lock keeps stages that dvc.yaml no longer has: they are
    not among the found.
    """
    for name, stage in found.items():
        before = recorded.get(name, NEVER_RUN).writes
        for path in sorted({*before, *stage.writes}):
            hashes = before.get(path), stage.writes.get(path)
            old, new = (caches.files(path, md5) for md5 in hashes)
            if old is None or new is None:
                yield Artifact(path, *hashes)
            else:
                yield from (Artifact(file, old.get(file), new.get(file)) for file in sorted({*old, *new}))


@dataclass(frozen=True)
class Caches:
    """Folders in which DVC keeps files by their md5."""

    folders: tuple[Path, ...]

    def find(self, md5: str) -> Path | None:
        """The file or listing with this md5, if it is at hand."""
        files = (folder / place_of(md5) for folder in self.folders)
        return next((file for file in files if file.is_file()), None)

    def place(self, md5: str) -> Path:
        """Where the file or listing with this md5 is, or would be."""
        return self.find(md5) or self.folders[0] / place_of(md5)

    def is_intact(self, md5: str) -> bool:
        """True if the file or listing is at hand with the bytes that its name says."""
        file = self.find(md5)
        return file is not None and md5_of(file) == md5.removesuffix(".dir")

    def damaged(self, md5s: Iterable[str]) -> list[str]:
        """The files that are at hand with other bytes than their names say, as `files/md5/0c/c175b9c0f1`."""
        return [place_of(md5) for md5 in md5s if self.find(md5) and not self.is_intact(md5)]

    def files(self, path: str, md5: str | None) -> Hashes | None:
        """The md5 of the file, or of each file in the folder; None if the folder's listing is lost or damaged."""
        if md5 is None or not md5.endswith(".dir"):
            return {path: md5} if md5 else {}
        file = self.find(md5)
        if file is None:
            return None
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
            return {f"{path}/{entry['relpath']}": entry["md5"] for entry in entries}
        except (ValueError, KeyError, TypeError):
            return None


def place_of(md5: str) -> str:
    """Where a cache has the file with this md5.

    >>> place_of("0cc175b9c0f1")
    'files/md5/0c/c175b9c0f1'
    """
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def files_below(path: Path) -> list[Path]:
    """The file itself, or all files in the folder; none if there is nothing."""
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def listing(folder: Path) -> bytes:
    """What DVC's cache keeps of a folder: its files by name, each with its md5."""
    files = {file.relative_to(folder): file for file in files_below(folder)}
    return json.dumps([{"md5": md5_of(files[name]), "relpath": name.as_posix()} for name in sorted(files)]).encode()


def md5_of(file: Path) -> str:
    """The file's md5, DVC's name for its bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _writers(paths: Iterable[str], stages: Mapping[str, Stage]) -> set[str]:
    """The names of the stages that write one of the paths, or a folder in which one lies."""
    above = {folder for path in map(PurePosixPath, paths) for folder in (path, *path.parents)}
    return {name for name, stage in stages.items() if not above.isdisjoint(map(PurePosixPath, stage.writes))}


def _stage(entry: Mapping[str, Any]) -> Stage:
    reads, writes = ({file["path"]: _hash(file) for file in entry.get(part, ())} for part in ("deps", "outs"))
    settings = {f"{file} {key}": value for file, keys in entry.get("params", {}).items() for key, value in keys.items()}
    sizes = {file["path"]: file.get("size", 0) for part in ("deps", "outs") for file in entry.get(part, ())}
    return Stage(reads, writes, settings, sizes)


def _hash(file: Mapping[str, str]) -> str:
    """DVC's name for its bytes; the etag of one at a URL, which is called a checksum where HTTP has it."""
    return file.get("etag") or file.get("checksum") or file["md5"]
