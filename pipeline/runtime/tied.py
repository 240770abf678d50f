"""`python tied.py PROCESS COMMAND`: a command that ends with the process that starts it, even if that is killed."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

NOT_STARTED = 127


def tied(command: Sequence[str]) -> list[str]:
    """The command in a form that ends (SIGTERM) when this process ends, whatever ends it.

    On Linux; elsewhere it is the command as it is. It needs no package, no folder and no variable of the caller's.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: str, *command: str) -> None:
    """Become the command, unless the parent is gone already."""
    sys.path.insert(0, str(Path(__file__).parents[2]))  # isolated, Python looks for modules in its own places only
    from pipeline.runtime.lifetime import end_with_parent

    end_with_parent()
    if os.getppid() != int(parent):
        sys.exit(NOT_STARTED)
    try:
        os.execvp(command[0], command)  # noqa: S606 (a list of words, no shell)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr)
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main(*sys.argv[1:])
