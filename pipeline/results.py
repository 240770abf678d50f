"""The recipes' scores on the test rows side by side with the baselines, as a Markdown table."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import params

COLUMNS = {
    "mse_normalised": ("MSE, normalised", "{:.4f}"),
    "mse_usd2": ("MSE, USD²", "{:.4g}"),
    "rmse_usd": ("RMSE, USD", "{:,.0f}"),
    "mae_usd": ("MAE, USD", "{:,.0f}"),
    "r2": ("R²", "{:.3f}"),
}


def main() -> None:
    """Print the table of the metrics that stand in `metrics/`."""
    try:
        recipes = params.recipe_names()
        metrics = {name: json.loads(Path(f"metrics/{name}.json").read_text(encoding="utf-8")) for name in recipes}
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"results: {error}; run dvc repro first")
    print(table(metrics))


def table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """One row for the training mean; then, for each recipe, its features' baselines and its own score.

    A recipe that ridge regression beats is marked.
    """
    first = next(iter(metrics.values()))
    rows = [["on the test rows", *(title for title, _ in COLUMNS.values())]]
    rows += [["training mean", *_scores(first, "test_mean_")]]
    for name, numbers in metrics.items():
        rows += [[f"mean of the row's cell, {name}'s features", *_scores(numbers, "test_cell_mean_")]]
        rows += [[f"ridge regression, {name}'s features", *_scores(numbers, "test_ridge_")]]
        mark = " (worse than ridge)" if numbers["test_mse_over_ridge"] > 1 else ""
        rows += [[f"**{name}**{mark}", *_scores(numbers, "test_")]]
    return _markdown(rows)


def _scores(numbers: Mapping[str, float], prefix: str) -> list[str]:
    return [
        layout.format(numbers[prefix + name]) if prefix + name in numbers else ""
        for name, (_, layout) in COLUMNS.items()
    ]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
