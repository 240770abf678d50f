"""`dvc repro` with nothing to do against `dvc status`: `python -m benchmarks.repro` prints the ratio."""

import sys

from benchmarks.speed.measure import in_turn


def main() -> None:
    """Run both in turn in the work tree, which must be up to date."""
    commands = {name: [sys.executable, "-m", "dvc", name] for name in ("repro", "status")}
    runs = in_turn(commands, rounds=11)
    print(f"dvc repro with nothing to do: {runs['repro'].cpu / runs['status'].cpu:.2f} × dvc status (processor time)")


if __name__ == "__main__":
    main()
