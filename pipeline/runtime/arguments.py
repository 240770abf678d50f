"""The commands' arguments: parsers whose help shows what one types, types whose errors say the rule and an example."""

import argparse
import datetime
import math
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PROGRAM = "salary-pipeline"
EXIT_CODES = {0: "done", 1: "an error, told in one message", 2: "wrong arguments", 130: "ctrl-C"}


def command_parser(
    name: str, about: str | None, *, examples: Sequence[str] = (), own_codes: Mapping[int, str] | None = None
) -> argparse.ArgumentParser:
    """A parser whose help tells of the command, with examples of its arguments and the meaning of its exit codes."""
    typed = typed_as(name)
    lines = ["examples:", *(f"  {typed} {example}".rstrip() for example in examples), ""] if examples else []
    lines += [exit_codes({**EXIT_CODES, **(own_codes or {})})]
    return argparse.ArgumentParser(typed, description=about, epilog="\n".join(lines), formatter_class=_Paragraphs)


def exit_codes(meanings: Mapping[int, str]) -> str:
    """The codes with which a command may end, in order, each with its meaning."""
    return "\n".join(["exit codes:", *(f"  {code:<4} {meaning}" for code, meaning in sorted(meanings.items()))])


def typed_as(name: str) -> str:
    """How the command is called in the way in which this process was: as a program, a package or a module."""
    started = Path(sys.argv[0]).parts[-2:]
    if started == ("pipeline", f"{name}.py"):
        return f"python -m pipeline.{name}"
    return f"python -m pipeline {name}" if started == ("pipeline", "__main__.py") else f"{PROGRAM} {name}"


class _Paragraphs(argparse.HelpFormatter):
    """Paragraphs are filled to the terminal's width, and those with an indented line stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip().split("\n\n")
        return "\n\n".join(part if "\n  " in part else textwrap.fill(part, width) for part in paragraphs)


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
