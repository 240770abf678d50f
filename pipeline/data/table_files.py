"""The files that a raw table is: one, or all in a folder, on this machine or at a URL."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.data.remote import Place, Remote

RULE = "the raw table must be a CSV or Parquet file, or a folder of such"


def table_files(table: Place) -> dict[str, Place]:
    """The table's files by name: those of a folder by their paths in it, in the order of these names.

    A folder's files and folders whose names begin with a dot or an underscore are no tables: programs leave them there.
    Raises: ValueError if there is no file, if one in the folder is neither file nor folder, or if its name has signs
    that a report cannot show; as `Remote.files`; OSError if a folder in it cannot be read.
    """
    files = dict(_files(table))
    if str(table) not in map(str, files.values()):  # it is a folder
        files = _tables(files, where=table)
    for path in files.values():
        if isinstance(path, Path) and not path.is_file():
            raise ValueError(f"{path}: {RULE}, found {_kind(path)}; set data.path in params.yaml")
    return files


def check_unchanged(table: Place, files: Mapping[str, Place]) -> None:
    """Raise ValueError unless the table still has these files: DVC records what is there once the stage has ended."""
    if table_files(table) != files:
        rule, fix = "must stay as it is while it is read", "run it again once nobody writes to it"
        raise ValueError(f"{table}: the raw table {rule}, found other files or versions than at the start; {fix}")


def _files(table: Place) -> Mapping[str, Place]:
    if isinstance(table, Remote):
        return table.files()
    if table.is_dir():
        return {path.relative_to(table).as_posix(): path for path in _below(table)}
    return {table.name: table}


def _tables(files: Mapping[str, Place], *, where: Place) -> dict[str, Place]:
    """Those of a folder's files that are tables, in the order of their names."""
    tables = {name: files[name] for name in sorted(files) if not _is_hidden(name)}
    if odd := next((name for name in tables if not name.isprintable() or not all(name.split("/"))), None):
        rule = "names of files must be printable UTF-8, without an empty part between slashes"
        raise ValueError(f"{where}: {rule}, found {odd!r}; rename it")
    if not tables:
        raise ValueError(f"{where}: {RULE}, found a folder without one; set data.path in params.yaml")
    return tables


def _below(folder: Path) -> Iterator[Path]:
    """What is in the folder and in those below it: files, and links to folders, which DVC does not follow."""

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        yield from (Path(parent, name) for name in files)
        yield from (path for path in (Path(parent, name) for name in folders) if path.is_symlink())


def _kind(path: Path) -> str:
    if path.is_symlink():
        return "a link to a folder" if path.is_dir() else "a link to nothing"
    return "no regular file" if path.exists() else "nothing"


def _is_hidden(name: str) -> bool:
    """Whether a part of the path is the name of something that is no table.

    >>> _is_hidden("2024/_SUCCESS"), _is_hidden(".gitignore"), _is_hidden("2024/part_0.csv")
    (True, True, False)
    """
    return any(part.startswith((".", "_")) for part in name.split("/"))
