"""Does HEAD still make the recorded bytes? Trains it from scratch in a temporary clone and compares with dvc.lock."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.reproduction.verify import EXPECTED, verify
from pipeline.runtime.command import command


def main(argv: Sequence[str] | None = None) -> None:
    """Verify the project in the current folder; pipeline/reproduction/verify.py has the exit codes."""
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    with command("verify", expected=EXPECTED):
        sys.exit(verify(Path.cwd()))


if __name__ == "__main__":
    main()
