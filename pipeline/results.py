"""The recipes' scores on the test rows side by side with the baselines, as a Markdown table."""

from collections.abc import Mapping
from pathlib import Path

from pipeline import params
from pipeline.data.schema import FEATURES, MAE, MSE, RMSE, UNIT
from pipeline.reporting import markdown
from pipeline.reporting.markdown import Markup
from pipeline.reporting.run_results import read_metrics, ridge_mark, stages_of_results
from pipeline.repository.freshness import changed_stages
from pipeline.runtime import escape
from pipeline.runtime.command import command

COLUMNS = {
    MSE: (f"MSE, {UNIT}²", "{:.4g}"),
    RMSE: (f"RMSE, {UNIT}", "{:,.0f}"),
    MAE: (f"MAE, {UNIT}", "{:,.0f}"),
    "r2": ("R²", "{:.3f}"),
}
"""The scores that are shown: each one's title and how it is written."""
OUT_OF_DATE = """\
These scores are not those of today's table, code and settings. Not up to date: {stages}.
dvc repro makes new ones; to go back to the last commit: make back
"""


def main() -> None:
    """Print the table of the metrics that stand in `metrics/`; before it, if they are out of date, of which stages."""
    with command("results"):
        params.check(FEATURES)
        recipes = params.recipe_names()
        metrics = {name: read_metrics(Path("metrics"), name) for name in recipes}
        if changed := changed_stages(stages_of_results(recipes), folder=Path()):
            print(OUT_OF_DATE.format(stages=", ".join(changed)))
        print(table(metrics))


def table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """The training mean; then each recipe's baselines and its own scores, marked where ridge regression is better."""
    rows = [["on the test rows", *(title for title, _ in COLUMNS.values())]]
    rows += [["training mean", *_scores(next(iter(metrics.values())), "test_mean_")]]
    for name, numbers in metrics.items():
        rows += [[f"cell mean, {name}'s features", *_scores(numbers, "test_cell_mean_")]]
        rows += [[f"ridge, {name}'s features", *_scores(numbers, "test_ridge_")]]
        rows += [[Markup(f"**{escape.markdown(name)}**{ridge_mark(numbers)}"), *_scores(numbers, "test_")]]
    return markdown.table(rows, padded=True)


def _scores(numbers: Mapping[str, float], prefix: str) -> list[str]:
    return [layout.format(numbers[prefix + score]) for score, (_, layout) in COLUMNS.items()]


if __name__ == "__main__":
    main()
