"""A stage ends with its parent: a killed `dvc repro` leaves no training behind to disturb the next."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel end this process (SIGTERM) when its parent ends. On Linux; elsewhere nothing happens.

    Source: prctl(2).
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended in between
            os.kill(os.getpid(), signal.SIGTERM)
