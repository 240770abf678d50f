"""The recipes' scores on the test rows side by side with their baselines, as a Markdown table."""

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import params
from pipeline.data.schema import FEATURES, MAE, MSE, RMSE, UNIT
from pipeline.reporting import markdown
from pipeline.reporting.markdown import Markup
from pipeline.reporting.run_results import read_metrics, ridge_mark, stages_of_results
from pipeline.repository.freshness import changed_stages
from pipeline.runtime import escape
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command

COLUMNS = {
    MSE: (f"MSE, {UNIT}²", "{:.4g}"),
    RMSE: (f"RMSE, {UNIT}", "{:,.0f}"),
    MAE: (f"MAE, {UNIT}", "{:,.0f}"),
    "r2": ("R²", "{:.3f}"),
}
"""The scores that are shown: each one's title and how it is written."""
RIDGE = {" (worse than ridge)": " (better)", " (level with ridge)": " (level)", "": ""}
"""What stands behind ridge regression, by what the report has behind the recipe."""
WIDTH = 80  # of a terminal
OUT_OF_DATE = (
    "These scores are not those of today's table, code and settings. Not up to date: {stages}.",
    "dvc repro makes new ones; to go back to the last commit: make back",
)


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("results", __doc__, examples=["", "--all"])
    parser.add_argument("--all", action="store_true", help="print all metrics behind the table, recipe by recipe")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table of the metrics that stand in `metrics/`; before it, if they are out of date, of which stages."""
    given = arguments().parse_args(argv)
    with command("results"):
        params.check_project(FEATURES)
        recipes = params.recipe_names()
        metrics = {name: read_metrics(Path("metrics"), name) for name in recipes}
        if changed := changed_stages(stages_of_results(recipes), folder=Path()):
            for words in OUT_OF_DATE:
                print(textwrap.fill(words.format(stages=", ".join(changed)), WIDTH, break_on_hyphens=False))
            print()
        print(table(metrics))
        if given.all:
            for name, numbers in metrics.items():
                print(f"\n{details(name, numbers)}")


def table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """The training mean; then each recipe's scores, and its baselines': ridge regression is marked if it is better.

    In a terminal of 80 columns there is room for names of 28 characters.
    """
    rows = [["on the test rows", *(title for title, _ in COLUMNS.values())]]
    rows += [["training mean", *_scores(next(iter(metrics.values())), "test_mean_")]]
    for name, numbers in metrics.items():
        rows += [[Markup(f"**{escape.markdown(name)}**"), *_scores(numbers, "test_")]]
        rows += [["cell mean, same features", *_scores(numbers, "test_cell_mean_")]]
        rows += [[f"ridge, same features{RIDGE[ridge_mark(numbers)]}", *_scores(numbers, "test_ridge_")]]
    return markdown.table(rows, padded=True)


def details(name: str, numbers: Mapping[str, float]) -> str:
    """All metrics of a recipe: counts, and numbers to six digits."""
    shown = {metric: f"{value:,}" if isinstance(value, int) else f"{value:,.6g}" for metric, value in numbers.items()}
    rows = [[name, "number"], *map(list, shown.items())]
    return markdown.table(rows, padded=True)


def _scores(numbers: Mapping[str, float], prefix: str) -> list[str]:
    return [layout.format(numbers[prefix + score]) for score, (_, layout) in COLUMNS.items()]


if __name__ == "__main__":
    main()
