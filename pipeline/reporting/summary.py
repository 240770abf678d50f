"""What the report says, in words and tables, before it is written as Markdown or as a page."""

import re
from collections.abc import Mapping, Sequence

from pipeline.data.schema import GROUP, MSE, PLURAL, RMSE, SIGN, in_unit
from pipeline.reporting.run_results import RecipeResult, RunResults, ridge_mark

SLICES = 8  # so many are shown
REPRODUCE = "make repro"

Rows = Sequence[Sequence[str]]
"""A table: the header first, then one row after the other."""

COVERAGE_NOTE = "Levels with too few test rows to say (evaluate.min_slice_rows) are left out."
TOO_FEW = "No group of rows is large enough (evaluate.min_slice_rows)."
SCORES_NOTE = (
    "Root mean squared errors on the test rows. The baselines see the same features as the recipe. The noise floor is"
    " what a model would still miss that knew the mean of every combination of these features. It can be estimated on"
    " the rows that share theirs with others: their share is the column 'known on'. Chance may put a method below the"
    " estimate; then it is shown as a range, from where equal rows are people who answered alike to where they are"
    " copies. Level with ridge is a recipe whose 95 % interval, relative to ridge regression, holds both better and"
    " worse."
)


def money(value: float) -> str:
    """An amount in the target's unit, to the whole number.

    >>> money(-1234.6)
    '-$1,235'
    """
    return f"{'-' if value < 0 else ''}{SIGN}{abs(value):,.0f}"


def percent(share: float) -> str:
    """A share in percent, to one decimal."""
    return f"{100 * share:.1f} %"


def headline(result: RecipeResult) -> str:
    """The sentence that matters most."""
    numbers = result.metrics
    return (
        f"The best recipe, {result.name}, predicts the {PLURAL} of {numbers['test_rows']:,} test rows with a root mean"
        f" squared error of {money(numbers[f'test_{RMSE}'])} and explains {percent(numbers['test_r2'])} of their"
        " variance."
    )


def description(result: RecipeResult) -> str:
    """What was trained on what, and whether it is worth a network."""
    recipe, rows, epochs = result.recipe, result.metrics["train_rows"], len(result.tables["learning_curve"])
    ratio, low, high = (result.metrics[f"test_mse_over_ridge{end}"] - 1 for end in ("", "_low", "_high"))
    return (
        f"Reads {', '.join(recipe.features)} (network: {recipe.network.kind}). Trained on {rows:,} rows for {epochs}"
        f" epochs, of which the {recipe.keep} is kept, in batches of {recipe.batch_size}, seed {recipe.seed}. Its"
        f" squared error is {percent(abs(ratio))} {'larger' if ratio > 0 else 'smaller'} than that of a ridge"
        f" regression on the same features (95 % interval: {100 * low:+.1f} % to {100 * high:+.1f} %)."
    )


def scores(results: Sequence[RecipeResult]) -> Rows:
    """The root mean squared errors: of the baselines with each recipe's features, and of the recipe; and its R².

    The noise floor comes with the share of rows on which it is known. A recipe that ridge regression beats, or equals,
    is marked.
    """
    baselines = list(results[0].methods)[:-1]
    rows = [["recipe", *baselines, "the recipe", "noise floor", "known on", "explained of what can be", "R²"]]
    for result in results:
        numbers = result.metrics
        cells = [result.name + ridge_mark(numbers), *map(money, result.methods.values())]
        cells += [_floor(result), percent(numbers["test_floor_rows_share"])]
        cells += [_explained(numbers.get("test_explained_of_explainable")), f"{numbers['test_r2']:.3f}"]
        rows.append(cells)
    return rows


def _floor(result: RecipeResult) -> str:
    """The noise floor; the range that it is known to lie in, if a method is below it."""
    floor, lowest = result.noise_floor, result.lowest_noise_floor
    if floor is None or lowest is None:
        return "unknown"
    return f"{money(lowest)} to {money(floor)}" if min(result.methods.values()) < floor else money(floor)


def _explained(share: float | None) -> str:
    """The share of what can be explained that the recipe explains: never more than all of it."""
    if share is None:
        return "unknown"
    return percent(share) if share <= 1 else "all, within chance"


def worst_slices(result: RecipeResult) -> Rows:
    """The slices of the largest mean squared error."""
    return _slices(sorted(result.tables["slices"], key=lambda row: -float(row[MSE])))


def largest_slices(result: RecipeResult) -> Rows:
    """The slices of the most rows, each with fewer than all."""
    some = (row for row in result.tables["slices"] if int(row["rows"]) < result.metrics["test_rows"])
    return _slices(sorted(some, key=lambda row: -int(row["rows"])))


def _slices(slices: Sequence[Mapping[str, str]]) -> Rows:
    """The first of the slices, with their errors."""
    header, bias = ["slice", "test rows", "RMSE", "bias (predicted - actual)"], in_unit("bias")
    first = slices[:SLICES]
    rows = ([row["slice"], row["rows"], money(float(row[MSE]) ** 0.5), money(float(row[bias]))] for row in first)
    return [header, *rows]


def interval_levels(numbers: Mapping[str, float]) -> list[str]:
    """The intervals' percents, as the metrics name them: "80" and "95"."""
    return re.findall(r"\btest_coverage(\d+)\b", " ".join(numbers))


def coverage(result: RecipeResult) -> Rows:
    """The share of test rows inside their intervals and the intervals' mean width, over all rows and by group."""
    numbers, header = result.metrics, [GROUP.replace("_", " "), "test rows"]
    overall = {GROUP: "all", "rows": f"{numbers['test_rows']:,}"}
    levels = interval_levels(numbers)
    for level in levels:
        header += [f"in {level} % interval", "its width"]
        overall[f"coverage{level}"] = str(numbers[f"test_coverage{level}"])
        overall[in_unit(f"width{level}")] = str(numbers[in_unit(f"test_width{level}")])
    rows = [header]
    for row in (overall, *result.tables["coverage"]):
        cells = [row[GROUP], row["rows"]]
        for level in levels:
            cells += [percent(float(row[f"coverage{level}"])), money(float(row[in_unit(f"width{level}")]))]
        rows.append(cells)
    return rows


def data(results: RunResults) -> Rows:
    """What is known of the rows: how many there are of each kind."""
    numbers = {name.removeprefix("rows_").replace("rows", "all"): number for name, number in results.data.items()}
    best = results.recipes[0]
    for split in ("train", "valid", "test"):
        rows = best.metrics[f"{split}_rows"]
        numbers[f"{split}, equal to another of {split}"] = rows - best.metrics[f"{split}_rows_distinct"]
        numbers[f"{split}, with a value unknown to {best.name}"] = best.metrics[f"{split}_rows_with_unknown"]
    return [["rows", "number"], *([name.replace("_", " "), f"{number:,}"] for name, number in numbers.items())]


def reproduction(results: RunResults) -> str:
    """With what `REPRODUCE` makes these very numbers."""
    hashes = ", ".join(f"{name} (SHA-256 {digest[:16]}…)" for name, digest in results.hashes.items())
    return f"with {hashes}, in the commit that holds this report."
