"""Go back to an accepted night: its table, models, metrics and dvc.lock become one new commit on the branch."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.nights.rollback import rollback
from pipeline.runtime import escape
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("rollback", __doc__, examples=["nightly-2026-01-31"])
    parser.add_argument("tag", help="of an accepted night, such as nightly-2026-01-31")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, go back, say what was done."""
    given = arguments().parse_args(argv)
    with command("rollback", interrupted="nothing was changed"):
        params.check_project()
        print(escape.terminal("\n".join(rollback(Path.cwd(), tag=given.tag))))


if __name__ == "__main__":
    main()
