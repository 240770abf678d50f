"""Shows, or deletes when told so, cached files that only old commits need, and the folders of old nights in runs/."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.nights.retention import clean_up
from pipeline.runtime import escape
from pipeline.runtime.arguments import command_parser, whole
from pipeline.runtime.command import command


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("gc", __doc__, examples=["--nights 30", "--nights 30 --delete"])
    parser.add_argument("--nights", type=whole(1), required=True, help="how many of the last nights are protected")
    parser.add_argument("--delete", action="store_true", help="delete; without, it is only shown what would go")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, show or delete, say what."""
    given = arguments().parse_args(argv)
    with command("gc", interrupted="some may be deleted, and the rest can be deleted again"):
        params.check()
        lines = clean_up(Path.cwd(), nights=given.nights, delete=given.delete)
        print(escape.terminal("\n".join(lines)))


if __name__ == "__main__":
    main()
