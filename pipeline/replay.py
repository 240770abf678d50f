"""Replays dated snapshots of a table as that many nights in a fresh clone: what would have been decided, and its worth.

Writes the nights' history, a summary in Markdown and a picture. The same snapshots and commit give the same files.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.backtest.run import dated_snapshots, replay
from pipeline.data.schema import FEATURES
from pipeline.repository.project import Project
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("replay", __doc__, examples=["weekly --out replay"])
    parser.add_argument("snapshots", type=Path, help="folder of tables with a date, YYYY-MM-DD, in their names")
    parser.add_argument("--out", type=Path, required=True, help="folder for history.csv, replay.md and replay.svg")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Replay the snapshots of a folder and write what happened."""
    given = arguments().parse_args(argv)
    with command("replay"):
        params.check_project(FEATURES)
        snapshots = dated_snapshots(given.snapshots)
        nights = replay(snapshots, project=Project.at(Path.cwd()), out=given.out)
        print(f"replay: {len(nights)} nights are in {given.out}/: replay.md, replay.svg, history.csv")


if __name__ == "__main__":
    main()
