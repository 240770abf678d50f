"""Do CPUs of other makers and ages train the same bytes? Trains every recipe shortly on some that qemu emulates.

Each with OMP_NUM_THREADS unset, 1 and 2; one line with one hash per training.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.reproduction.emulated import verify_cpus
from pipeline.reproduction.verify import EXPECTED
from pipeline.runtime.command import command


def main(argv: Sequence[str] | None = None) -> None:
    """Verify the current folder's recipes; pipeline/reproduction/verify.py has the exit codes."""
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    with command("verify-cpus", expected=EXPECTED):
        sys.exit(verify_cpus(Path.cwd()))


if __name__ == "__main__":
    main()
