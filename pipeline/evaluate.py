"""Stage 3: a model bundle and the encoded splits → its metrics beside baselines, plots data, and its model card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import pandas as pd

from pipeline import params, versions
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.parquet import row_groups
from pipeline.data.remote import Place, Remote, place_of
from pipeline.data.schema import AUDITED, FEATURES, HASH, NORMALISED, TARGET
from pipeline.data.split import SPLITS
from pipeline.evaluation import fairness, importance, leaks, plot_tables, scorecard
from pipeline.evaluation.cells import Cells
from pipeline.evaluation.metrics import CELL, FEATURE_CELL, PREDICTED, Columns
from pipeline.evaluation.noise_floor import CellTotals
from pipeline.evaluation.ranks import quantile
from pipeline.evaluation.scorecard import IntervalEnds
from pipeline.evaluation.sorted_rows import SortedRows, head, sorted_rows
from pipeline.inference.predictions import all_finite
from pipeline.model.bundle import Bundle
from pipeline.model.costs import parameters_by_feature
from pipeline.model.intervals import PERCENTS
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
        versions.check("numpy", "pandas", "pyarrow", "safetensors")
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
    leaks.check_columns(bundle.network.columns)
    training = row_groups(paths.prepared / "train.parquet")
    columns = ({name: table[name].to_numpy() for name in table.column_names} for table in training)
    leaks.check_encoder(bundle.encoder, columns, min_count=min_count)
    with drafts() as draft_of:
        scratch = draft_of(paths.card.with_name(f"rows-{name}"), scratch=True)
        features = Cells(FEATURES)
        splits = sort_splits(paths.prepared, scratch, bundle, features)
        leaks.check_splits(splits)
        tables = plots_data(bundle, splits["test"], features, settings, scratch)
        numbers = all_metrics(bundle, splits, features)
        numbers["test_fairness_groups_beyond"] = fairness.count_beyond(tables["fairness"])
        scorecard.check_finite(numbers)
        result = RecipeResult(name, bundle.recipe, numbers, {key: as_text(table) for key, table in tables.items()})
        raw, uncalibrated = paths.table, bundle.intervals.uncalibrated
        origin = Origin(raw.name, sha256_of(raw), isinstance(raw, Remote), bundle.provenance, uncalibrated)
        for file, text in zip(metrics_files(paths.metrics, name), as_texts(numbers), strict=True):
            draft_of(file).write_text(text, encoding="utf-8")
        for key, table in tables.items():
            table.to_csv(draft_of(paths.plots / f"{key}.csv"), index=False, lineterminator="\n")
        draft_of(paths.card).write_text(card(result, origin), encoding="utf-8")


def sort_splits(prepared: Path, scratch: Path, bundle: Bundle, features: Cells) -> dict[str, SortedRows]:
    """The rows of each split sorted in scratch files, and what the model predicts for their cells.

    The test rows keep all their columns; their cells by all features are counted in `features`, and numbered, too.
    Raises: ValueError if a split has fewer than two rows, or a prediction is no finite number.
    """
    splits = {}
    for split in SPLITS:
        is_test, cells = split == "test", {CELL: Cells(bundle.network.columns)}
        splits[split] = sorted_rows(
            prepared / f"{split}.parquet",
            scratch / split,
            cells=cells | {FEATURE_CELL: features} if is_test else cells,
            columns=ROWS.names if is_test else (NORMALISED, TARGET, HASH),
            predict=lambda codes: all_finite(bundle.predict(codes)),
        )
    return splits


def all_metrics(bundle: Bundle, splits: Mapping[str, SortedRows], features: Cells) -> dict[str, float]:
    """The numbers of the metrics files: those of each split, then what is known of the test rows alone."""
    normalise, test = bundle.encoder.scaling.normalise, splits["test"]
    totals = {name: CellTotals.of(rows, cells=len(rows.cells)) for name, rows in splits.items()}
    numbers: dict[str, float] = {}
    for name, rows in splits.items():
        of_split = scorecard.row_counts(rows.cells, totals[name], features=bundle.recipe.features)
        of_split["mse_normalised"] = scorecard.squared_error(rows, normalise(rows.predicted), target=NORMALISED)
        of_split |= scorecard.prediction_scores(rows, rows.predicted)
        of_split |= scorecard.noise_floor_scores(rows, rows.predicted, totals[name])
        numbers |= _prefixed(name, of_split)
    sizes = bundle.encoder.sizes()
    of_test = scorecard.baseline_scores(splits, totals["train"], sizes=sizes, feature_cells=len(features))
    lowest = quantile(test.predicted, test.cells.rows, 0.1)
    of_test |= scorecard.interval_scores(test, partial(_intervals, bundle), lowest=lowest)
    return numbers | _prefixed("test", of_test)


def plots_data(
    bundle: Bundle, test: SortedRows, features: Cells, settings: params.Evaluate, scratch: Path
) -> dict[str, pd.DataFrame]:
    """The data of the plots, by file name: the test rows, and what is predicted for them."""
    encoder, min_rows, least_rows = bundle.encoder, settings.min_slice_rows, settings.least_rows
    first, intervals = head(test, importance.ROWS), partial(_intervals, bundle)
    return {
        "predictions": plot_tables.scatter(first)
        if least_rows == 1
        else plot_tables.scatter_of_groups(test, scratch / "points", rows=features.rows.sum(), min_rows=least_rows),
        "residuals": plot_tables.histogram(block[PREDICTED] - block[TARGET] for block in test),
        "calibration": plot_tables.calibration(test, test.cells, test.predicted, min_rows=least_rows),
        "slices": plot_tables.errors_by_slice(test, features, encoder=encoder, min_rows=min_rows),
        "coverage": plot_tables.coverage_by_group(test, features, intervals, encoder=encoder, min_rows=min_rows),
        "importance": _importance(bundle, first, features),
        "fairness": _fairness(encoder, test, features, settings),
    }


def _intervals(bundle: Bundle, rows: Columns) -> IntervalEnds:
    """The intervals around what is predicted for some rows."""
    return {percent: bundle.interval(rows[PREDICTED], rows, percent=percent) for percent in PERCENTS}


def _importance(bundle: Bundle, drawn: Columns, features: Cells) -> pd.DataFrame:
    """What each feature of the recipe is worth and costs."""
    table = importance.permutation_importance(bundle.predict, drawn, features=bundle.recipe.features)
    parameters = parameters_by_feature(bundle.recipe, bundle.encoder)
    return importance.with_costs(table, features, codes=bundle.encoder.sizes(), parameters=parameters)


def _fairness(encoder: Encoder, test: SortedRows, features: Cells, settings: params.Evaluate) -> pd.DataFrame:
    """Whom the model is wrong about, and whether that is within the limits."""
    min_rows, limits = settings.min_slice_rows, settings.fairness
    columns = (fairness.groups_of(name, features, encoder=encoder, min_rows=min_rows) for name in AUDITED)
    return fairness.audit(
        test,
        features,
        [group for group in chain.from_iterable(columns) if group.rows(features) >= settings.least_rows],
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
