"""Predicting a CSV table against `pandas.read_csv` of the same file and nothing else.

`python -m benchmarks.predict [ROWS ...]` prints a table of docs/speed.md; models/full must be trained. Whole processes
take turns; so do, inside one process that has imported everything, the calls alone.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.speed.measure import Run, in_turn
from pipeline.runtime.arguments import whole
from pipeline.runtime.blas import use_one_blas_thread
from pipeline.runtime.command import command

SIZES = (1_000, 100_000, 1_000_000, 10_000_000)
MODEL = Path("models/full")
READ = "import sys, pandas; pandas.read_csv(sys.argv[1])"


def main() -> None:
    """Make the tables, run the contenders in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=whole(1), nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=whole(1), default=5)
    arguments = parser.parse_args()
    with command("benchmarks.predict"):
        print("| rows | to CSV | to Parquet | `read_csv` | ratio | ratio without start | peak memory |")
        print("|---|---|---|---|---|---|---|")
        for rows in arguments.rows:
            print(table_row(rows, *measure(rows, rounds=arguments.rounds)), flush=True)


def measure(rows: int, *, rounds: int) -> tuple[dict[str, Run], float]:
    """The figures of the whole processes, and the ratio of the calls alone.

    This process imports nothing heavy: the peak memory of a process counts that of the one which it was forked from.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, get_context("spawn"), initializer=use_one_blas_thread) as other,
    ):
        table = Path(folder) / "table.csv"
        other.submit(write_sample, table, rows=rows).result()
        return time_processes(table, rounds=rounds), other.submit(ratio_of_calls, table, rounds=rounds).result()


def write_sample(table: Path, *, rows: int) -> None:
    """Draw a sample of so many rows."""
    from pipeline import sample

    sample.main(["--rows", str(rows), "--seed", "1", "--out", str(table)])


def time_processes(table: Path, *, rounds: int) -> dict[str, Run]:
    """The medians of each contender, each a process of its own."""
    predict = [sys.executable, "-m", "pipeline.predict", "--model", str(MODEL), str(table), "--out"]
    outputs = {suffix: table.with_suffix(f".out.{suffix}") for suffix in ("csv", "parquet")}
    commands = {suffix: [*predict, str(output)] for suffix, output in outputs.items()}
    commands |= {"pandas": [sys.executable, "-c", READ, str(table)]}
    return in_turn(commands, rounds=rounds, outputs=tuple(outputs.values()))


def ratio_of_calls(table: Path, *, rounds: int) -> float:
    """The time of predicting to CSV over that of reading, both without the start of Python and its libraries."""
    import pandas as pd

    from pipeline import predict

    out = table.with_suffix(".out.csv")
    calls: tuple[Callable[[], object], ...] = (
        lambda: predict.run(table, model=MODEL, out=out),
        lambda: pd.read_csv(table),
    )
    seconds = [[seconds_of(call) for call in calls] for _ in range(rounds + 1)][1:]  # the first round warms up
    ours, pandas = (median(of_call) for of_call in zip(*seconds, strict=True))
    return float(ours / pandas)


def seconds_of(call: Callable[[], object]) -> float:
    """The wall-clock time of a call, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def table_row(rows: int, runs: dict[str, Run], ratio: float) -> str:
    """One row of the table; the ratios are those of CSV to CSV."""
    csv, parquet, pandas = runs["csv"], runs["parquet"], runs["pandas"]
    return (
        f"| {rows:,} | {csv.wall:.1f} s | {parquet.wall:.1f} s | {pandas.wall:.1f} s | {csv.wall / pandas.wall:.1f}"
        f" | {ratio:.1f} | {csv.memory:.0f} MB |"
    )


if __name__ == "__main__":
    main()
