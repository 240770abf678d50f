"""One night: fetch the table, check it, retrain, let the gate decide, publish a new champion or only the report.

Exit codes from 0 to 29 say how a night went that needs nobody; from 40 on, somebody should look.
"""

import argparse
import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.nights.record import NightOutcome
from pipeline.nights.report import SENTENCES
from pipeline.nights.run import run_night
from pipeline.repository.project import Project
from pipeline.runtime import escape
from pipeline.runtime.arguments import command_parser, date
from pipeline.runtime.command import command
from pipeline.runtime.packages import MissingPackageError


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    codes = {
        outcome.exit_code: f"{outcome}{', and somebody should look' if outcome.needs_somebody else ''}"
        for outcome in NightOutcome
    }
    examples = ["", "--date 2026-01-31", "--force 'the new titles are right'"]
    parser = command_parser(
        "nightly", __doc__, examples=examples, own_codes=codes | {1: "a defect, or DVC is not installed"}
    )
    parser.add_argument("--date", type=date, default=_today(), help="of the night; today, UTC")
    parser.add_argument("--force", metavar="REASON", help="accept tonight's table and model whatever the limits say")
    scheduled = "exit with 0 if nobody has to look, as make nightly does: a scheduler tells of other codes"
    parser.add_argument("--scheduled", action="store_true", help=scheduled)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, spend the night, exit with the code of its outcome."""
    parser = arguments()
    given = parser.parse_args(argv)
    if given.date > (today := _today()):
        parser.error(f"--date must not be after today, {today}, found {given.date}")
    with command("nightly", expected={MissingPackageError: 1}):
        result = run_night(Project.at(Path.cwd()), date=given.date, force_reason=given.force)
        outcome = result.outcome
        print(escape.terminal(f"nightly: {outcome} (code {outcome.exit_code}): {result.message}"), file=sys.stderr)
        print(f"nightly: {SENTENCES[outcome]}", file=sys.stderr)
        if result.folder:
            print(f"nightly: what it leaves is in {os.path.relpath(result.folder)}", file=sys.stderr)
        sys.exit(0 if given.scheduled and not outcome.needs_somebody else outcome.exit_code)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


if __name__ == "__main__":
    main()
