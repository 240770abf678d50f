"""The report in words and tables, and as Markdown: to be read in a terminal, a pull request or a mail."""

import re
from collections.abc import Sequence

from pipeline.reporting.run_results import Facts, Result

WORST_SLICES = 8

Rows = Sequence[Sequence[str]]
"""A table: the header first, then one row after the other."""


def usd(value: float) -> str:
    """Whole US dollars.

    >>> usd(-1234.6)
    '-$1,235'
    """
    return f"{'-' if value < 0 else ''}${abs(value):,.0f}"


def percent(share: float) -> str:
    """A share in percent, to one decimal."""
    return f"{100 * share:.1f} %"


def headline(result: Result) -> str:
    """The sentence that matters most."""
    numbers = result.metrics
    return (
        f"The best recipe, {result.name}, predicts the salaries of {numbers['test_rows']:,} test rows with a root mean"
        f" squared error of {usd(numbers['test_rmse_usd'])} and explains {percent(numbers['test_r2'])} of their"
        " variance."
    )


def description(result: Result) -> str:
    """What was trained on what, and whether it is worth a network."""
    recipe, rows, epochs = result.recipe, result.metrics["train_rows"], len(result.tables["learning_curve"])
    ratio = result.metrics["test_mse_over_ridge"] - 1
    return (
        f"Reads {', '.join(recipe.features)} (network: {recipe.network.kind}). Trained on {rows:,} rows for {epochs}"
        f" epochs, of which the {recipe.keep} is kept, in batches of {recipe.batch_size}, seed {recipe.seed}. Its"
        f" squared error is {percent(abs(ratio))} {'larger' if ratio > 0 else 'smaller'} than that of a ridge"
        " regression on the same features."
    )


def scores(results: Sequence[Result]) -> Rows:
    """The root mean squared errors: of the baselines with each recipe's features, and of the recipe; and its R².

    A recipe that ridge regression beats is marked.
    """
    baselines = list(results[0].methods)[:-1]
    rows = [
        [_marked(result), *map(usd, result.methods.values()), *_floor(result), f"{result.metrics['test_r2']:.3f}"]
        for result in results
    ]
    return [["recipe", *baselines, "the recipe", "noise floor", "known on", "explained of what can be", "R²"], *rows]


def worst_slices(result: Result) -> Rows:
    """The slices of the largest mean squared error."""
    slices = sorted(result.tables["slices"], key=lambda row: -float(row["mse_usd2"]))[:WORST_SLICES]
    rows = [
        [row["slice"], row["rows"], usd(float(row["mse_usd2"]) ** 0.5), usd(float(row["bias_usd"]))] for row in slices
    ]
    return [["slice", "test rows", "RMSE", "bias (predicted - actual)"], *rows]


def coverage(result: Result) -> Rows:
    """The share of test rows inside their intervals and the intervals' mean width, over all and by experience level."""
    numbers = result.metrics
    widths = {level: numbers[f"test_interval{level}_width_usd"] for level in (80, 95)}
    shares = {level: numbers[f"test_interval{level}_coverage"] for level in (80, 95)}
    rows = [["all", f"{numbers['test_rows']:,}", *_cells(shares, widths)]]
    for row in result.tables["coverage"]:
        shares = {level: float(row[f"coverage{level}"]) for level in (80, 95)}
        widths = {level: float(row[f"width{level}_usd"]) for level in (80, 95)}
        rows.append([row["experience_level"], row["rows"], *_cells(shares, widths)])
    return [["experience level", "test rows", "in 80 % interval", "its width", "in 95 % interval", "its width"], *rows]


def data(facts: Facts) -> Rows:
    """What is known of the rows: how many there are of each kind."""
    numbers = {name.removeprefix("rows_").replace("rows", "all"): number for name, number in facts.data.items()}
    best = facts.results[0]
    for split in ("train", "valid", "test"):
        rows = best.metrics[f"{split}_rows"]
        numbers[f"{split}, equal to another of {split}"] = rows - best.metrics[f"{split}_rows_distinct"]
        numbers[f"{split}, with a value unknown to {best.name}"] = best.metrics[f"{split}_rows_with_unknown"]
    return [["rows", "number"], *([name.replace("_", " "), f"{number:,}"] for name, number in numbers.items())]


def reproduction(facts: Facts) -> str:
    """How to get these very numbers."""
    hashes = ", ".join(f"{name} (SHA-256 {digest[:16]}…)" for name, digest in facts.hashes.items())
    return f"`make repro` with {hashes}, in the commit that holds this report."


def markdown(facts: Facts) -> str:
    """The whole report as Markdown."""
    parts = ["# Training report", headline(facts.results[0]), "## Scores", _table(scores(facts.results)), SCORES_NOTE]
    for result in facts.results:
        parts += [f"## {result.name}", description(result)]
        parts += ["### Where it is most wrong", _table(worst_slices(result))]
        parts += ["### How often its intervals hold", _table(coverage(result)), COVERAGE_NOTE]
    parts += ["## Data", _table(data(facts)), "## How to reproduce it", reproduction(facts)]
    return "\n\n".join(parts) + "\n"


COVERAGE_NOTE = "Levels with too few test rows to say (evaluate.min_slice_rows) are left out."
TOO_FEW = "No group of rows is large enough (evaluate.min_slice_rows)."
SCORES_NOTE = (
    "Root mean squared errors on the test rows. The baselines see the same features as the recipe. The noise floor is"
    " what a model would still miss that knew the mean of every combination of these features: an estimate from the"
    " rows that share theirs with others, so chance may put a model below it."
)


def _marked(result: Result) -> str:
    return f"{result.name} (worse than ridge)" if result.metrics["test_mse_over_ridge"] > 1 else result.name


def _floor(result: Result) -> list[str]:
    """The noise floor, the share of rows on which it is known, and how much of what can be explained is."""
    explained = result.metrics.get("test_explained_of_explainable")
    return [
        "unknown" if result.floor is None else usd(result.floor),
        percent(result.metrics["test_floor_rows_share"]),
        "unknown" if explained is None else percent(explained),
    ]


def _cells(shares: dict[int, float], widths: dict[int, float]) -> list[str]:
    return [text for level in shares for text in (percent(shares[level]), usd(widths[level]))]


def _table(rows: Rows) -> str:
    header, *body = [[re.sub(r"([\\`*\[\]<>&|])", r"\\\1", cell) for cell in row] for row in rows]
    if not body:
        return TOO_FEW
    lines = [header, ["---", *["--:" for _ in header[1:]]], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
