"""Some tries, with a longer pause before each: what fails at two in the morning often works a little later."""

from collections.abc import Callable, Iterator


def attempts(tries: int, *, pause: Callable[[float], None]) -> Iterator[int]:
    """The numbers of the tries, after pauses of 1, 2, 4, … seconds between them.

    >>> for number in attempts(3, pause=lambda seconds: print(f"after {seconds:g} s")):
    ...     print(f"try {number}")
    try 0
    after 1 s
    try 1
    after 2 s
    try 2
    """
    for number in range(tries):
        if number:
            pause(2.0 ** (number - 1))
        yield number
