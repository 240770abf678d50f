"""The prepare stage against pandas with the same checks, and against reading the CSV with Arrow and nothing else.

`python -m benchmarks.prepare [ROWS ...]` prints a table of docs/speed.md.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.measure import Run, in_turn
from pipeline.runtime.arguments import whole
from pipeline.runtime.blas import use_one_blas_thread
from pipeline.runtime.command import command

SIZES = (75_000, 1_000_000, 10_000_000)


def ours(table: Path, out: Path) -> None:
    """The stage as `dvc repro` runs it."""
    use_one_blas_thread()
    from pipeline import params, prepare

    settings = params.load(params.Prepare, "prepare")
    prepare.run(table, out=out, metrics=out / "metrics.json", report=out / "report.txt", settings=settings)


def pandas(table: Path, out: Path) -> None:
    """The whole table in memory, the contract asked for every row, one Parquet file and no encoding."""
    import pandas as pd

    from pipeline.data.contract import CONTRACT
    from pipeline.data.schema import NUMBERS

    frame = pd.read_csv(table, keep_default_na=False).astype(dict.fromkeys(NUMBERS, "Int64"))
    CONTRACT.validate(frame, lazy=True)
    out.mkdir(exist_ok=True)
    frame.to_parquet(out / "table.parquet")


def arrow(table: Path, out: Path) -> None:
    """Reading alone: no check, no encoding, nothing written."""
    import pyarrow.csv

    pyarrow.csv.read_csv(table)


CONTENDERS = {"ours": ours, "pandas": pandas, "arrow": arrow}


def main() -> None:
    """Make the tables, run the contenders in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=whole(1), nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=whole(1), default=5)
    parser.add_argument(
        "--contender", nargs=3, metavar=("NAME", "TABLE", "OUT"), help="run one contender and nothing else"
    )
    arguments = parser.parse_args()
    with command("benchmarks.prepare"):
        if arguments.contender:
            name, table, out = arguments.contender
            CONTENDERS[name](Path(table), Path(out))
            return
        print("| rows | ours | time / pandas | time / Arrow reading | peak memory | memory / pandas |")
        print("|---|---|---|---|---|---|")
        for rows in arguments.rows:
            print(line(rows, measured(rows, rounds=arguments.rounds)), flush=True)


def measured(rows: int, *, rounds: int) -> dict[str, Run]:
    """The medians of each contender on a sample of so many rows."""
    from pipeline import sample

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        sample.main(["--rows", str(rows), "--seed", "1", "--out", str(table)])
        me = [sys.executable, "-m", "benchmarks.prepare", "--contender"]
        outputs = {name: Path(folder) / name for name in CONTENDERS}
        commands = {name: [*me, name, str(table), str(output)] for name, output in outputs.items()}
        return in_turn(commands, rounds=rounds, outputs=tuple(outputs.values()))


def line(rows: int, runs: dict[str, Run]) -> str:
    """One row of the table."""
    ours, pandas, arrow = runs["ours"], runs["pandas"], runs["arrow"]
    return (
        f"| {rows:,} | {ours.wall:.1f} s | {ours.wall / pandas.wall:.2f} | {ours.wall / arrow.wall:.2f}"
        f" | {ours.memory:.0f} MB | {ours.memory / pandas.memory:.2f} |"
    )


if __name__ == "__main__":
    main()
