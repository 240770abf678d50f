"""The recipes against gradient boosting and simple baselines on the future: `python -m benchmarks.quality FOLDER`.

For each cut-off, all train on one dated snapshot, are tuned on its validation rows, and predict the rows that the next
snapshots add. Prints the tables of docs/quality.md. The boosters are in benchmarks/quality-peers.txt; what is not
installed is left out, and said to be.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.accuracy.boosters import BOOSTERS
from benchmarks.accuracy.future_rows import CutOff, read_cut_off
from benchmarks.accuracy.scores import OURS, SEEDED, Scores, report
from benchmarks.accuracy.stages import prepare_in, train_in
from benchmarks.accuracy.tuned_baselines import SIMPLE_RIVALS, Predict, tune
from pipeline import params
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.split import row_hash
from pipeline.evaluation.noise_floor import cell_numbers, noise_floor
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command

CUTOFFS = ("2022-08-28", "2022-12-25", "2023-03-26", "2023-06-25", "2023-08-27", "2023-10-29", "2023-12-31")
RIVALS = SIMPLE_RIVALS | BOOSTERS
SEEDS = (1, 2, 3, 4, 5)
METHODS = ("training mean", *RIVALS, "course", OURS, SEEDED)


def main() -> None:
    """Measure each cut-off, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--cutoffs", nargs="+", default=CUTOFFS, help="dates of the snapshots to train on")
    parser.add_argument("--weeks", type=whole(1), default=8, help="how many later snapshots are the future")
    parser.add_argument("--trials", type=whole(1), default=30, help="settings that each rival may try")
    arguments = parser.parse_args()
    with command("benchmarks.quality"):
        settings = params.load(params.Prepare, "prepare")
        scores = {}
        for date in arguments.cutoffs:
            with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(sys.stderr):
                folder = Path(name)
                cut_off = read_cut_off(arguments.folder, date, weeks=arguments.weeks, settings=settings, scratch=folder)
                scores[date] = score_methods(cut_off, folder, settings, trials=arguments.trials)
        print(report(scores, methods=METHODS))


def score_methods(cut_off: CutOff, folder: Path, settings: params.Prepare, *, trials: int) -> Scores:
    """Fit and tune all on one cut-off; only then are the future rows looked at, once."""
    mean = float(cut_off.train[TARGET].to_numpy().mean())
    fitted: dict[str, list[Predict]] = {"training mean": [lambda rows: np.full(rows.num_rows, mean)]}
    tuned = {}
    for name, rival in RIVALS.items():
        if rival.installed:
            tuned[name], predict = tune(rival, cut_off.train, cut_off.valid, trials=trials)
            fitted[name] = [predict]
    fitted |= train_recipes(cut_off, folder, settings)
    target = cut_off.future[TARGET].to_numpy()
    cells = cell_numbers({name: np.array(cut_off.future[name].to_pylist()) for name in FEATURES})
    return Scores(
        train_rows=cut_off.train.num_rows,
        target=target,
        cells=cells,
        floor=noise_floor(target, cells=cells, rows=row_hash(cut_off.future, salt=settings.split.salt)),
        predictions={name: np.stack([predict(cut_off.future) for predict in fits]) for name, fits in fitted.items()},
        tuned=tuned,
    )


def train_recipes(cut_off: CutOff, folder: Path, settings: params.Prepare) -> dict[str, list[Predict]]:
    """The shipped recipes, through the pipeline's own stages; and `full` with other seeds."""
    prepare_in(folder, cut_off.snapshot, settings=settings)
    course, full = (params.load(params.Recipe, "recipes", name) for name in ("course", OURS))
    seeded = [full.model_copy(update={"seed": seed}) for seed in SEEDS]
    return {
        "course": [train_recipe(course, folder)],
        OURS: [train_recipe(full, folder)],
        SEEDED: [train_recipe(recipe, folder) for recipe in seeded],
    }


def train_recipe(recipe: params.Recipe, folder: Path) -> Predict:
    """What the recipe, trained on the prepared rows in the folder, predicts."""
    bundle = train_in(folder, recipe)
    return lambda rows: bundle.predict(bundle.encoder.encode(rows))


if __name__ == "__main__":
    main()
