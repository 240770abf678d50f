"""Shows, or deletes when told so, what nothing needs any more.

With --nights, that is cached files that only old commits need, and the folders of old nights in runs/. With --dropped,
it is what recipes that params.yaml no longer has have left: stages in dvc.lock, models and metrics.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.nights.one_at_a_time import only_one
from pipeline.nights.retention import clean_up
from pipeline.repository.dropped_stages import clean_up_dropped
from pipeline.repository.project import Project
from pipeline.runtime import escape
from pipeline.runtime.arguments import command_parser, whole
from pipeline.runtime.command import command


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("gc", __doc__, examples=["--nights 30", "--nights 30 --delete", "--dropped"])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--nights", type=whole(1), help="how many of the last nights are protected")
    what.add_argument("--dropped", action="store_true", help="what recipes that have been dropped have left")
    parser.add_argument("--delete", action="store_true", help="delete; without, it is only shown what would go")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, show or delete, say what."""
    given = arguments().parse_args(argv)
    folder = Path.cwd()
    with command("gc", interrupted="some may be deleted, and the rest can be deleted again"):
        params.check_project()
        if given.dropped:
            with only_one(folder):
                lines = clean_up_dropped(Project.at(folder), delete=given.delete)
        else:
            lines = clean_up(folder, nights=given.nights, delete=given.delete)
        print(escape.terminal("\n".join(lines)))


if __name__ == "__main__":
    main()
