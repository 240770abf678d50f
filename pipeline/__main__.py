"""The commands on models, nights and the project in one program; each is `python -m pipeline.<command>`, too."""

import argparse
import ast
import importlib
import importlib.metadata
import sys
import textwrap
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from pipeline.runtime.arguments import EXIT_CODES, PROGRAM, exit_codes, typed_as
from pipeline.runtime.blas import use_one_blas_thread
from pipeline.runtime.command import command
from pipeline.runtime.packages import MissingPackageError, require

GROUPS = {
    "models": ("predict", "explain", "export"),
    "nights": ("nightly", "replay", "tune", "rollback", "gc"),
    "the project": ("check", "results", "verify", "versions", "sample"),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)
PACKAGE = Path(__file__).parent


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command that the first argument names with all others."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        with command(argv[0]):
            use_one_blas_thread()
            module = _imported(argv[0])
        module.main(argv[1:])
        return
    parser = arguments()
    given = parser.parse_args(argv)
    with command(PROGRAM):
        print(completion(given.completion) if given.completion else parser.format_help().rstrip())


def _imported(name: str) -> ModuleType:
    """The command's module. Raises: MissingPackageError if it needs more than predictions do, and that is missing."""
    try:
        return importlib.import_module(f"pipeline.{name}")
    except ModuleNotFoundError as error:
        if error.name:
            require(PROGRAM, error.name.partition(".")[0], install=f"'{PROGRAM}[pipeline]'")
        raise


def arguments() -> argparse.ArgumentParser:
    """The parser of what is no command's own argument."""
    parser = _parser()
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="command", help="its --help tells more")
    return parser


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    ends = f"{exit_codes(EXIT_CODES)}\n  a command's --help has those of its own"
    parser = argparse.ArgumentParser(typed_as("").strip(), description=overview(), epilog=ends, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version()}")
    shells = ("bash", "zsh", "tcsh")
    parser.add_argument("--completion", choices=shells, help=f'print it: eval "$({PROGRAM} --completion bash)"')
    return parser


def overview() -> str:
    """The commands by group, each with what it does."""
    lines = ["Trains a regression night after night, and predicts with it."]
    for group, names in GROUPS.items():
        lines += ["", f"{group}:"]
        for name in names:
            lines += textwrap.wrap(f"  {name:<10}{summary(name)}", 79, subsequent_indent=" " * 12)
    return "\n".join(lines)


def summary(name: str) -> str:
    """The first paragraph of a command's documentation, which needs no import."""
    about = ast.get_docstring(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return about.partition("\n\n")[0].replace("\n", " ")


def version() -> str:
    """The version of the distribution, or in a project that is not installed what it would be."""
    try:
        return importlib.metadata.version(PROGRAM)
    except importlib.metadata.PackageNotFoundError:
        text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])


def completion(shell: str) -> str:
    """What the shell evaluates to complete arguments, and the commands for which no import is missing here."""
    import shtab

    parser = _parser()
    parser.prog = PROGRAM
    commands = parser.add_subparsers()
    for name in COMMANDS:
        with suppress(MissingPackageError):
            its_own = _imported(name).arguments()
            commands.add_parser(name, help=summary(name), parents=[its_own], add_help=False)
    return str(shtab.complete(parser, shell))


if __name__ == "__main__":
    main()
