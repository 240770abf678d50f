"""Shows, or deletes when told so, cached files that only old commits need, and the folders of old nights in runs/."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.nights.retention import clean_up
from pipeline.runtime import escape
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, show or delete, say what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=whole(1), required=True, help="how many of the last nights are protected")
    parser.add_argument("--delete", action="store_true", help="delete; without, it is only shown what would go")
    arguments = parser.parse_args(argv)
    with command("gc", interrupted="some may be deleted, and the rest can be deleted again"):
        params.check()
        lines = clean_up(Path.cwd(), nights=arguments.nights, delete=arguments.delete)
        print(escape.terminal("\n".join(lines)))


if __name__ == "__main__":
    main()
