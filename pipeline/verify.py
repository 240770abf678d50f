"""Does HEAD still make the recorded bytes? Trains it from scratch in a temporary clone and compares with dvc.lock.

With --cpus: do CPUs of other makers and ages train the same bytes? Trains every recipe shortly on some that qemu
emulates, each with OMP_NUM_THREADS unset, 1 and 2, also in shards; one line with one hash per training.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.reproduction.emulated import verify_cpus
from pipeline.reproduction.verify import EXPECTED, verify
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command

CODES = {0: "the same bytes", 3: "other bytes", 4: "a training failed", 5: "nothing can be verified, and why"}


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("verify", __doc__, examples=["", "--cpus"], own_codes=CODES)
    parser.add_argument("--cpus", action="store_true", help="compare CPUs that qemu emulates, not HEAD with dvc.lock")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Verify the project in the current folder; pipeline/reproduction/verify.py has the exit codes."""
    given = arguments().parse_args(argv)
    with command("verify", expected=EXPECTED):
        sys.exit(verify_cpus(Path.cwd()) if given.cpus else verify(Path.cwd()))


if __name__ == "__main__":
    main()
