"""How often the intervals of `full` hold on real tables: `python -m benchmarks.intervals FOLDER`.

Each table is split anew several times, and `full` trained on each split. Prints the table of docs/metrics.md: the share
of test rows inside the intervals, in the mean over the splits.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import pandas as pd

from pipeline import evaluate, params
from pipeline.data.schema import GROUP
from pipeline.model.intervals import PERCENTS
from pipeline.reporting.run_results import read_metrics
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command
from pipeline.tune import prepare_in, train_in

TABLES = ("2022-11-15", "2023-03-26", "2023-08-06", "2023-10-29", "2024-01-28")
RECIPE = "full"


def main() -> None:
    """Measure each table, print one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--tables", nargs="+", default=TABLES, help="their dates")
    parser.add_argument("--splits", type=whole(1), default=10, help="how many splits of each")
    arguments = parser.parse_args()
    with command("benchmarks.intervals"):
        titles = [f"{percent} %{rows}" for percent in PERCENTS for rows in ("", ", lowest tenth", ", by level")]
        print(f"| table | {' | '.join(titles)} |")
        print("|---" * (len(titles) + 1) + "|")
        for date in arguments.tables:
            with contextlib.redirect_stdout(sys.stderr):
                shares = coverage(arguments.folder / f"salaries_{date}.csv", splits=arguments.splits)
            print(f"| {date} | {' | '.join(shares)} |", flush=True)


def coverage(table: Path, *, splits: int) -> list[str]:
    """The shares in per cent, as the table shows them; those of the levels are the least and the most."""
    metrics, levels = [], []
    for number in range(splits):
        with tempfile.TemporaryDirectory() as folder:
            numbers, by_level = train_and_evaluate(table, Path(folder), salt=f"v{number}")
        metrics.append(numbers)
        levels.append(by_level)
    scores = 100 * pd.DataFrame(metrics).mean()
    of_levels = 100 * pd.concat(levels).groupby(GROUP).mean()  # a row for each level
    shown = []
    for percent in PERCENTS:
        shown += [f"{scores[f'test_coverage{percent}{rows}']:.1f}" for rows in ("", "_lowest_tenth")]
        shares = of_levels[f"coverage{percent}"]
        shown += [f"{shares.min():.1f} to {shares.max():.1f}"]
    return shown


def train_and_evaluate(table: Path, folder: Path, *, salt: str) -> tuple[dict[str, float], pd.DataFrame]:
    """The three stages on one split; returns the metrics, and the coverage by level of levels with 30 rows or more."""
    settings = params.load(params.Prepare, "prepare")
    settings = settings.model_copy(update={"split": settings.split.model_copy(update={"salt": salt})})
    prepare_in(folder, table, settings=settings)
    train_in(folder, params.load(params.Recipe, "recipes", RECIPE))
    paths = evaluate.Paths(
        model=folder / "model",
        prepared=folder,
        table=table,
        metrics=folder / "metrics",
        plots=folder,
        card=folder / "card.md",
    )
    evaluate.run(RECIPE, paths, params.load(params.Evaluate, "evaluate"), min_count=settings.min_count)
    return read_metrics(folder / "metrics", RECIPE), pd.read_csv(folder / "coverage.csv")


if __name__ == "__main__":
    main()
