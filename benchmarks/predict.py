"""Predicting a CSV table against `pandas.read_csv` of the same file and nothing else, as whole processes.

`python -m benchmarks.predict [ROWS ...]` prints the table of the README; models/full must be trained.
"""

import argparse
import sys
import tempfile

from benchmarks.measure import Run, in_turn

SIZES = (200_000, 1_000_000, 10_000_000)
READ = "import sys, pandas; pandas.read_csv(sys.argv[1])"


def main() -> None:
    """Make the tables, run the contenders in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("| rows | to CSV | to Parquet | time / pandas.read_csv | peak memory | memory / pandas.read_csv |")
    print("|---|---|---|---|---|---|")
    for rows in arguments.rows:
        print(line(rows, measured(rows, rounds=arguments.rounds)), flush=True)


def measured(rows: int, *, rounds: int) -> dict[str, Run]:
    """The medians of each contender on a sample of so many rows."""
    from pipeline import sample

    with tempfile.TemporaryDirectory() as folder:
        table = f"{folder}/salaries.csv"
        sample.main(["--rows", str(rows), "--seed", "1", "--out", table])
        predict = [sys.executable, "-m", "pipeline.predict", "--model", "models/full", table, "--out"]
        commands = {suffix: [*predict, f"{folder}/predictions.{suffix}"] for suffix in ("csv", "parquet")}
        return in_turn(commands | {"pandas": [sys.executable, "-c", READ, table]}, rounds=rounds)


def line(rows: int, runs: dict[str, Run]) -> str:
    """One row of the table; the ratios are those of CSV to CSV."""
    csv, parquet, pandas = runs["csv"], runs["parquet"], runs["pandas"]
    return (
        f"| {rows:,} | {csv.wall:.1f} s | {parquet.wall:.1f} s | {csv.wall / pandas.wall:.2f}"
        f" | {csv.memory:.0f} MB | {csv.memory / pandas.memory:.2f} |"
    )


if __name__ == "__main__":
    main()
