"""Does DVC's default remote take a file? Writes a small one there and deletes it, by DVC's own way of writing.

A script for the project's folder, in a process of its own as all of DVC's commands are: so it has a time limit.
"""

import io
import sys
from contextlib import suppress

from dvc.config import Config  # type: ignore[import-untyped]
from dvc.fs import get_cloud_fs  # type: ignore[import-untyped]

NAME = ".write-check"  # always the same: what a kill leaves is written over the next time, and deleted


def main() -> None:
    """Write and delete, or end with the error of the remote's file system."""
    sys.tracebacklimit = 0  # the error alone says what is wrong
    config = Config.from_cwd()
    kind, settings, folder = get_cloud_fs(config, name=config["core"]["remote"])
    remote = kind(**settings)
    if not remote.CAN_TRAVERSE:
        return  # a plain web server: DVC can delete nothing there
    file = remote.join(folder, NAME)
    remote.put_file(io.BytesIO(b"may be deleted\n"), file)
    with suppress(OSError):  # another check has deleted it, or no one may: `dvc push` needs no right to delete
        remote.remove(file)


if __name__ == "__main__":
    main()
