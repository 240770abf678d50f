"""A child ends with its parent.

As a script, `python lifetime.py PROCESS COMMAND …` becomes the command, which then ends with the process. Each command
that we start waits for the script's imports: so they are few.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
NOT_STARTED = 127  # a shell's exit code for a command that it cannot find


def end_with_parent() -> None:
    """Have the kernel end this process (SIGTERM) when its parent ends. On Linux; elsewhere nothing happens.

    So a killed `dvc repro` leaves no training behind that would disturb the next.
    Source: prctl(2).
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended in between
            os.kill(os.getpid(), signal.SIGTERM)


def ending_with_this_process(*command: str) -> list[str]:
    """The command in a form that ends (SIGTERM) when this process ends, whatever ends it.

    On Linux; elsewhere it is the command as it is. It needs no package, no folder and no variable of the caller's.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: str, *command: str) -> None:
    """Become the command, unless the parent is gone already."""
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
