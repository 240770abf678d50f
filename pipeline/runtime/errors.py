"""The errors that a command tells in one message, without a traceback."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.runtime import escape
from pipeline.runtime.masking import HIDDEN, masked, secrets_in, shown_address

LAST_LINES = 20


class RuleError(Exception):
    """A rule that is not kept: what it is about, the rule, what was found, how to fix it. It shows no secret.

    >>> str(RuleError("the source s3://salaries", rule="must answer within 3 tries", found="none", fix="wait"))
    'the source s3://salaries must answer within 3 tries, found none; wait'
    """

    def __init__(self, what: str, *, rule: str, found: str, fix: str) -> None:
        super().__init__(masked(escape.terminal(f"{what} {rule}, found {found}; {fix}")))


class BusyError(RuleError):
    """Another command holds the lock that this one needs."""


class CommandError(Exception):
    """A command that failed: what it was, how it ended, the last lines of what it said.

    It shows none of the secrets in the command's addresses, and none of the others that it is told.
    """

    def __init__(
        self, command: Sequence[str], how: str, said: bytes | None = None, *, secrets: Iterable[str] = ()
    ) -> None:
        secrets = [*secrets, *(secret for word in command for secret in secrets_in(word))]
        words = [HIDDEN if word in secrets else shlex.quote(shown_address(word)) for word in command]
        lines = said.decode(errors="replace").replace("\r\n", "\n").rstrip("\n").split("\n") if said else []
        text = "\n".join([f"{' '.join(words)} {how}", *lines[-LAST_LINES:]])
        super().__init__(masked(escape.terminal(text), secrets))


@contextmanager
def as_rule_error(
    errors: type[Exception] | tuple[type[Exception], ...], what: str, *, rule: str, fix: str, found: str = "that"
) -> Iterator[None]:
    """Turn these errors of the block into a RuleError, whose `found` ends in their message.

    >>> with as_rule_error(ValueError, "the model", rule="must load", fix="train it again"):
    ...     raise ValueError("a file is missing")
    Traceback (most recent call last):
    pipeline.runtime.errors.RuleError: the model must load, found that a file is missing; train it again
    """
    try:
        yield
    except errors as error:
        raise RuleError(what, rule=rule, found=f"{found} {error}", fix=fix) from None
