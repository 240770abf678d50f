"""What a command's arguments must be: types for argparse, whose errors say the rule, an example and what was found."""

import argparse
import datetime
import math
import re
from collections.abc import Callable


def date(text: str) -> datetime.date:
    """An argument that is a date.

    >>> date("2026-01-31")
    datetime.date(2026, 1, 31)
    """
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        rule = "must be a date as YYYY-MM-DD, such as 2026-01-31"
        raise argparse.ArgumentTypeError(f"{rule}, found {text!r}") from None


def finite(text: str) -> float:
    """An argument that is a finite number."""
    if math.isfinite(number := _number(text)):
        return number
    raise argparse.ArgumentTypeError(f"must be a number, such as 0.5, found {text!r}")


def share(text: str) -> float:
    """An argument that is a share, from 0 to 1."""
    if 0 <= (number := _number(text)) <= 1:
        return number
    raise argparse.ArgumentTypeError(f"must be a share from 0 to 1, such as 0.05, found {text!r}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def recipe_name(text: str) -> str:
    """An argument that names a recipe, or by DVC's name a stage of it. `params.load` says if there is such a recipe.

    >>> recipe_name("full"), recipe_name("train@full")
    ('full', 'full')
    """
    return text.partition("@")[2] or text


def whole(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number, `least` or more.

    >>> whole(1)("12")
    12
    """

    def parsed(text: str) -> int:
        if re.fullmatch(r"-?[0-9]{1,18}", text) and int(text) >= least:  # "12"
            return int(text)
        rule = f"must be a whole number of {least} or more, such as {max(least, 10)}"
        raise argparse.ArgumentTypeError(f"{rule}, found {text!r}")

    return parsed
