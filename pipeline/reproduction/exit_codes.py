"""How a verification ends: the exit codes of `python -m pipeline.verify` and `python -m pipeline.verify_cpus`."""

from collections.abc import Mapping
from enum import IntEnum

from pipeline.runtime.errors import CommandError


class VerifyOutcome(IntEnum):
    """The exit codes. 1 is a defect's traceback, 2 a wrong command line, 130 an interrupt."""

    SAME_BYTES = 0
    OTHER_BYTES = 3
    TRAINING_FAILED = 4
    CANNOT_VERIFY = 5


class CannotVerifyError(Exception):
    """Something that a verification needs is missing: what it is, and how to get it."""


EXPECTED: Mapping[type[Exception], int] = {
    CannotVerifyError: VerifyOutcome.CANNOT_VERIFY,
    CommandError: VerifyOutcome.TRAINING_FAILED,
}
