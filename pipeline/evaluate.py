"""Stage 3: a model bundle and the encoded splits → its metrics beside baselines, plots data, and its model card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline import params, versions
from pipeline.data.encoding import Encoder
from pipeline.data.remote import Place, Remote, place_of
from pipeline.data.schema import AUDITED, FEATURES, GROUP, HASH, NORMALISED, TARGET
from pipeline.data.split import SPLITS
from pipeline.evaluation import fairness, importance, leaks, plot_tables, scorecard
from pipeline.evaluation.metrics import Columns, mean_squared_error
from pipeline.inference.predictions import Predictions, predict
from pipeline.model.bundle import Bundle
from pipeline.model.costs import parameters_by_feature
from pipeline.reporting.card import Origin, card
from pipeline.reporting.run_results import RecipeResult, as_texts, metrics_files, sha256_of
from pipeline.runtime.arguments import command_parser, recipe_name
from pipeline.runtime.command import WAY_BACK, command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.lifetime import end_with_parent


@dataclass(frozen=True)
class Paths:
    """The folder of the bundle, that of the splits, and the raw table; the folders and the card that it writes."""

    model: Path
    prepared: Path
    table: Place
    metrics: Path
    plots: Path
    card: Path


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = command_parser("evaluate", __doc__)
    parser.add_argument("recipe", type=recipe_name, help="name of a recipe, or of its stage: evaluate@full")
    parser.add_argument("--models", type=Path, required=True, help="folder in which its bundle is a folder")
    parser.add_argument("--prepared", type=Path, required=True, help="folder of the encoded splits")
    parser.add_argument(
        "--metrics", type=Path, required=True, help="folder in whose recipes/ and details/ it gets a JSON file"
    )
    parser.add_argument("--plots", type=Path, required=True, help="folder in which it gets that of its plots data")
    parser.add_argument("--cards", type=Path, required=True, help="folder in which it gets its model card")
    arguments = parser.parse_args(argv)
    name = arguments.recipe
    end_with_parent()
    with command(f"evaluate {name}", advice=WAY_BACK):
        params.check(FEATURES)
        versions.check("numpy", "pandas", "pyarrow", "safetensors", "torch")
        paths = Paths(
            model=arguments.models / name,
            prepared=arguments.prepared,
            table=place_of(params.load(params.Data, "data").path),
            metrics=arguments.metrics,
            plots=arguments.plots / name,
            card=arguments.cards / f"{name}.md",
        )
        settings, min_count = params.load(params.Evaluate, "evaluate"), params.load(params.Prepare, "prepare").min_count
        run(name, paths, settings, min_count=min_count)


def run(name: str, paths: Paths, settings: params.Evaluate, *, min_count: int) -> None:
    """Check for leaks, score the recipe's model on every split; write its metrics, plots data and card."""
    bundle = Bundle.load(paths.model)
    splits = {split: read_split(paths.prepared / f"{split}.parquet") for split in SPLITS}
    leaks.check_columns(bundle.network.columns)
    leaks.check_splits(splits)
    leaks.check_encoder(bundle.encoder, splits["train"], min_count=min_count)
    predictions = {split: predict(bundle, rows) for split, rows in splits.items()}
    tables = plots_data(bundle, splits["test"], predictions["test"], settings)
    numbers = all_metrics(bundle, splits, predictions)
    numbers["test_fairness_groups_beyond"] = fairness.count_beyond(tables["fairness"])
    scorecard.check_finite(numbers)
    result = RecipeResult(name, bundle.recipe, numbers, {key: as_text(table) for key, table in tables.items()})
    origin = Origin(
        table=paths.table.name,
        table_sha256=sha256_of(paths.table),
        is_of_etags=isinstance(paths.table, Remote),
        provenance=bundle.provenance,
        uncalibrated=bundle.intervals.uncalibrated,
    )
    with drafts() as draft_of:
        for file, text in zip(metrics_files(paths.metrics, name), as_texts(numbers), strict=True):
            draft_of(file).write_text(text, encoding="utf-8")
        for key, table in tables.items():
            table.to_csv(draft_of(paths.plots / f"{key}.csv"), index=False, lineterminator="\n")
        draft_of(paths.card).write_text(card(result, origin), encoding="utf-8")


def read_split(path: Path) -> dict[str, np.ndarray]:
    """The split's columns, with the rows sorted by their hashes: so the file's own order leaves no trace.

    Shape: each (rows,).
    Raises: ValueError if the split has fewer than two rows.
    """
    table = pq.read_table(path)
    if table.num_rows < 2:
        raise ValueError(f"{path}: a split must have two rows or more to be scored, found {table.num_rows}")
    order = np.argsort(table[HASH].to_numpy(), kind="stable")
    return {name: table[name].to_numpy()[order] for name in table.column_names}


def all_metrics(
    bundle: Bundle, splits: Mapping[str, Columns], predictions: Mapping[str, Predictions]
) -> dict[str, float]:
    """The numbers of the metrics files: those of each split, then what is known of the test rows alone."""
    columns, test, normalise = bundle.network.columns, predictions["test"], bundle.encoder.scaling.normalise
    numbers: dict[str, float] = {}
    for name, rows in splits.items():
        found = predictions[name]
        numbers |= _prefixed(name, scorecard.row_counts(rows, features=bundle.recipe.features))
        numbers[f"{name}_mse_normalised"] = mean_squared_error(normalise(found.predicted), rows[NORMALISED])
        numbers |= _prefixed(name, scorecard.prediction_scores(found.predicted, rows[TARGET]))
        numbers |= _prefixed(name, scorecard.noise_floor_scores(found.predicted, rows, columns=columns))
    sizes = bundle.encoder.sizes()
    numbers |= _prefixed("test", scorecard.baseline_scores(test.predicted, splits, columns=columns, sizes=sizes))
    return numbers | _prefixed(
        "test", scorecard.interval_scores(test.predicted, test.intervals, splits["test"][TARGET])
    )


def plots_data(bundle: Bundle, test: Columns, found: Predictions, settings: params.Evaluate) -> dict[str, pd.DataFrame]:
    """The data of the plots, by file name: the test rows, and what is predicted for them."""
    encoder, actual, min_rows = bundle.encoder, test[TARGET], settings.min_slice_rows
    errors, least_rows = found.predicted - actual, settings.least_rows
    return {
        "predictions": plot_tables.scatter(found.predicted, test, min_rows=least_rows),
        "residuals": plot_tables.histogram(errors),
        "calibration": plot_tables.calibration(found.predicted, actual, min_rows=least_rows),
        "slices": plot_tables.errors_by_slice(test, errors, encoder=encoder, min_rows=min_rows),
        "coverage": plot_tables.coverage_by_group(
            test[GROUP], actual, found.intervals, encoder=encoder, min_rows=min_rows
        ),
        "importance": _importance(bundle, test),
        "fairness": _fairness(encoder, test, errors, settings),
    }


def _importance(bundle: Bundle, test: Columns) -> pd.DataFrame:
    """What each feature of the recipe is worth and costs."""
    table = importance.permutation_importance(bundle.predict, test, features=bundle.recipe.features)
    parameters = parameters_by_feature(bundle.recipe, bundle.encoder)
    return importance.with_costs(table, test, codes=bundle.encoder.sizes(), parameters=parameters)


def _fairness(encoder: Encoder, test: Columns, errors: np.ndarray, settings: params.Evaluate) -> pd.DataFrame:
    """Whom the model is wrong about, and whether that is within the limits. Shape: errors (test rows,)."""
    min_rows, limits = settings.min_slice_rows, settings.fairness
    columns = (fairness.groups_of(name, test[name], encoder=encoder, min_rows=min_rows) for name in AUDITED)
    return fairness.audit(
        test,
        errors,
        [group for group in chain.from_iterable(columns) if len(group.members) >= settings.least_rows],
        limits={"bias_share": limits.max_bias_share, "error_ratio": limits.max_error_ratio},
        min_rows=min_rows,
    )


def as_text(table: pd.DataFrame) -> list[dict[str, str]]:
    """The table's rows as they are read back from its file."""
    return [{str(name): str(value) for name, value in row.items()} for row in table.to_dict("records")]


def _prefixed(split: str, numbers: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in numbers.items()}


if __name__ == "__main__":
    main()
