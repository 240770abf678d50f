"""The files that a raw table is: one, or all in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path


def table_files(table: Path) -> dict[str, Path]:
    """The table's files by name: those of a folder by their paths in it, in the order of these names.

    A folder's files and folders whose names begin with a dot or an underscore are no tables: programs leave them there.
    Raises: ValueError if there is no file, if one in the folder is neither file nor folder, or if its name has signs
    that a report cannot show; OSError if a folder in it cannot be read.
    """
    rule = "the raw table must be a CSV or Parquet file, or a folder of such"
    if table.is_dir():
        paths = {path.relative_to(table).as_posix(): path for path in _below(table)}
        files = {name: paths[name] for name in sorted(paths) if not _is_hidden(name)}
        if odd := next((name for name in files if not name.isprintable()), None):
            raise ValueError(f"{table}: names of files must be printable UTF-8, found {odd!r}; rename it")
        if not files:
            raise ValueError(f"{table}: {rule}, found a folder without one; set data.path in params.yaml")
    else:
        files = {table.name: table}
    for path in files.values():
        if not path.is_file():
            raise ValueError(f"{path}: {rule}, found {_kind(path)}; set data.path in params.yaml")
    return files


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
