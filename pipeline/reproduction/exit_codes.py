"""How a verification ends: the exit codes of `python -m pipeline.verify` and `python -m pipeline.verify_cpus`."""

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn

from pipeline.runtime.errors import CommandError
from pipeline.runtime.lifetime import end_as_ctrl_c_does


class Ending(IntEnum):
    """The exit codes. 1 is a defect's traceback, 2 a wrong command line."""

    SAME = 0
    DIFFERENT = 3
    FAILED = 4
    IMPOSSIBLE = 5
    INTERRUPTED = 130


class CannotVerifyError(Exception):
    """What a verification needs and did not find, and how to get it."""


def conclude(name: str, verify: Callable[[], bool]) -> NoReturn:
    """Run the verification, which returns whether the bytes are the same, and exit with the code of its ending.

    SIGTERM and a closed terminal end it as ctrl-C does.
    """
    end_as_ctrl_c_does()
    try:
        sys.exit(Ending.SAME if verify() else Ending.DIFFERENT)
    except CannotVerifyError as error:
        message, ending = str(error), Ending.IMPOSSIBLE
    except CommandError as error:
        message, ending = str(error), Ending.FAILED
    except KeyboardInterrupt:
        message, ending = "interrupted", Ending.INTERRUPTED
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(ending)
