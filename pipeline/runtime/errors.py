"""The errors that a command tells in one message, without a traceback."""

import shlex
from collections.abc import Sequence

LAST_LINES = 20


class RuleError(Exception):
    """A rule that is not kept: what it is about, the rule, what was found, how to fix it.

    >>> str(RuleError("the source s3://salaries", rule="must answer within 3 tries", found="none", fix="wait"))
    'the source s3://salaries must answer within 3 tries, found none; wait'
    """

    def __init__(self, what: str, *, rule: str, found: str, fix: str) -> None:
        super().__init__(f"{what} {rule}, found {found}; {fix}")


class BusyError(RuleError):
    """Another command holds the lock that this one needs."""


class CommandError(Exception):
    """A command that failed: what it was, how it ended, the last lines of what it said."""

    def __init__(self, command: Sequence[str], how: str, said: str = "") -> None:
        super().__init__("\n".join([f"{shlex.join(command)} {how}", *said.splitlines()[-LAST_LINES:]]))
