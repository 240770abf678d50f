"""`dvc repro` with nothing to do against `dvc status`.

`python -m benchmarks.repro` prints the ratio for docs/speed.md.
"""

import argparse
import sys

from benchmarks.speed.measure import in_turn
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command


def main() -> None:
    """Run both in turn in the work tree, which must be up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=whole(1), default=11)
    arguments = parser.parse_args()
    with command("benchmarks.repro"):
        commands = {name: [sys.executable, "-m", "dvc", name] for name in ("repro", "status")}
        runs = in_turn(commands, rounds=arguments.rounds)
        ratio = runs["repro"].cpu / runs["status"].cpu
        print(f"dvc repro with nothing to do: {ratio:.2f} × dvc status (processor time)")


if __name__ == "__main__":
    main()
