"""Some tries, with a longer pause before each: what fails at two in the morning often works a little later."""

from collections.abc import Callable
from typing import TypeVar

from pipeline.runtime.errors import CommandError

T = TypeVar("T")


def retried(action: Callable[[], T], *, tries: int, pause: Callable[[float], None]) -> T:
    """What the action returns, in at most so many tries, with pauses of 1, 2, 4, … seconds between them.

    Raises: the CommandError of the last try; any other error at once.

    >>> answers = iter(["busy", "pushed"])
    >>> def push() -> str:
    ...     if (answer := next(answers)) == "busy":
    ...         raise CommandError(["git", "push"], "was refused")
    ...     return answer
    >>> retried(push, tries=2, pause=lambda seconds: print(f"again after {seconds:g} s"))
    again after 1 s
    'pushed'
    """
    for number in range(tries - 1):
        try:
            return action()
        except CommandError:
            pause(2.0**number)
    return action()
