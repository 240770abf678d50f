"""Folders and files of the user alone: what others could write is not trusted, what tells of the machine not shown.

`python -m pipeline.runtime.private FOLDER` makes such a folder, or refuses the one that is there.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.runtime.command import command
from pipeline.runtime.errors import RuleError

FOLDER, FILE = 0o700, 0o600  # modes: nothing for the group, nothing for others


def private_folder(folder: Path) -> None:
    """Make the folder, or see that it is the user's, and take all rights of others from it.

    It may have been open: then nothing in it may be open either, as taking the rights away would come too late. Whoever
    owns the folder around it is trusted with it, and so is that folder's group.
    Raises: RuleError if it is a link or a file, somebody else's, or open for all to write; nothing is made then.
    """
    around = folder.parent.stat()
    if not around.st_mode & stat.S_ISVTX and _is_open(around):  # sticky: others cannot rename what is not theirs
        raise _refusal(folder.parent, "one that others may write to")
    if not os.path.lexists(folder):
        folder.mkdir(FOLDER)
    mode = folder.lstat()
    if not stat.S_ISDIR(mode.st_mode):
        kind = f"a link to {folder.readlink()}" if folder.is_symlink() else "a file"
        raise _refusal(folder, kind)
    if mode.st_uid not in (os.geteuid(), around.st_uid):
        raise _refusal(folder, f"one of the user with the number {mode.st_uid}")
    if mode.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        for path in (folder, *_below(folder)):
            if _is_open(path.lstat()):
                raise _refusal(folder, f"that others may write to {path.relative_to(folder.parent)}")
        folder.chmod(FOLDER)


def private(path: str, flags: int) -> int:
    """The opener of a file that only the user may read, whatever the umask, and that is no link.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "w", opener=private) as file:
    ...     oct(os.stat(file.fileno()).st_mode & 0o777)
    '0o600'
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW, FILE)
    os.fchmod(descriptor, FILE)  # it may be an older one
    return descriptor


def _is_open(mode: os.stat_result) -> bool:
    """True if all may write there, or a group that is not the user's own. A link has no mode that counts."""
    others = stat.S_IWOTH if mode.st_gid == os.getegid() else stat.S_IWOTH | stat.S_IWGRP
    return not stat.S_ISLNK(mode.st_mode) and bool(mode.st_mode & others)


def _below(folder: Path) -> Iterator[Path]:
    for above, folders, files in os.walk(folder):  # it follows no link
        yield from (Path(above, name) for name in (*folders, *files))


def _refusal(folder: Path, found: str) -> RuleError:
    rule = "must be a folder of yours that nobody else may write to: what is in it is trusted"
    fix = "delete or rename it, and let it be made anew; if a folder around it is open, chmod go-w that one"
    return RuleError(str(folder), rule=rule, found=found, fix=fix)


def main(folder: str) -> None:
    """Make the folder, or say what is wrong with it, and exit with code 1."""
    with command("make"):
        private_folder(Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
