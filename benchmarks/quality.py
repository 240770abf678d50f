"""The recipes against gradient boosting and simple baselines on the future: `python -m benchmarks.quality FOLDER`.

For each cut-off, all train on one dated snapshot and predict the rows that the next snapshots add. Settings are chosen
by forward validation: each method tries as many, on the future rows of all cut-offs but the last three. Those are only
looked at once, at the end. Prints the tables of docs/quality.md. The boosters are in benchmarks/quality-peers.txt; what
is not installed is left out, and said to be.
"""

import argparse
import contextlib
import datetime
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.accuracy.boosters import BOOSTERS
from benchmarks.accuracy.coverage import coverage, coverage_table
from benchmarks.accuracy.recipes import course, full, train_full
from benchmarks.accuracy.scores import OURS, SEEDED, TUNED, Scores, report
from benchmarks.accuracy.tuned_baselines import SIMPLE_RIVALS, tune
from pipeline import params
from pipeline.backtest.forward import CutOff, read_cut_off
from pipeline.backtest.run import dated_snapshots
from pipeline.backtest.space import Settings
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.split import row_hash
from pipeline.evaluation.noise_floor import cell_numbers, noise_floor
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command
from pipeline.tune import prepare_in

WEEKS = {
    **dict.fromkeys(("2022-08-28", "2022-12-25", "2023-03-26", "2023-06-25", "2023-08-27", "2023-10-29"), 8),
    "2023-12-31": 8,
    "2024-01-28": 26,
    "2024-03-03": 8,
    "2024-05-05": 8,
}
CUTOFFS = {datetime.date.fromisoformat(date): weeks for date, weeks in WEEKS.items()}
"""Dates of the snapshots to train on, and how many later ones are their future."""
LAST = 3  # cut-offs that settings are not chosen by
RIVALS = SIMPLE_RIVALS | BOOSTERS
SEEDS = (1, 2, 3, 4, 5)  # the first one ships
METHODS = ("training mean", *RIVALS, "course", TUNED, OURS, SEEDED)


def main() -> None:
    """Tune on the first cut-offs, measure all, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--trials", type=whole(1), default=30, help="settings that each method may try")
    arguments = parser.parse_args()
    with command("benchmarks.quality"):
        settings = params.load(params.Prepare, "prepare")
        with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(sys.stderr):
            snapshots = dated_snapshots(arguments.folder)
            cut_offs = {
                str(date): read_cut_off(
                    snapshots, date, weeks=weeks, settings=settings, prepare=prepare_in, scratch=Path(name, str(date))
                )
                for date, weeks in CUTOFFS.items()
            }
            methods = {name: rival for name, rival in RIVALS.items() if rival.installed} | {TUNED: full()}
            past = [*cut_offs.values()][:-LAST]
            tuned = {name: tune(method, past, trials=arguments.trials) for name, method in methods.items()}
            chosen = {name: trial.settings for name, trial in tuned.items()}
            measured = {date: score(cut_off, chosen, salt=settings.split.salt) for date, cut_off in cut_offs.items()}
        scores = {date: of_date for date, (of_date, _) in measured.items()}
        print(report(scores, methods=METHODS, tuned={name: tuned[name].mse for name in tuned if name in RIVALS}))
        print(f"\n{coverage_table({date: covered for date, (_, covered) in measured.items()})}\n")
        for name, trial in tuned.items():
            print(f"{name}, by forward validation: {dict(trial.settings)}")


def score(cut_off: CutOff, chosen: Mapping[str, Settings], *, salt: str) -> tuple[Scores, Mapping[str, float | str]]:
    """What each method, fitted with its chosen settings, predicts for the future rows; our intervals' coverage."""
    mean = float(cut_off.train[TARGET].to_numpy().mean())
    target = cut_off.future[TARGET].to_numpy()
    methods = RIVALS | {TUNED: full()}
    predictions = {name: [methods[name].fit(cut_off, settings)(cut_off.future)] for name, settings in chosen.items()}
    ours = [train_full(cut_off, {"seed": seed}) for seed in SEEDS]
    seeded = [bundle.predict(bundle.encoder.encode(cut_off.future)) for bundle in ours]
    predictions |= {
        "training mean": [np.full(len(target), mean)],
        "course": [course(cut_off)(cut_off.future)],
        OURS: seeded[:1],
        SEEDED: seeded,
    }
    cells = cell_numbers({name: np.array(cut_off.future[name].to_pylist()) for name in FEATURES})
    scores = Scores(
        train_rows=cut_off.train.num_rows,
        target=target,
        cells=cells,
        floor=noise_floor(target, cells=cells, rows=row_hash(cut_off.future, salt=salt)),
        predictions={name: np.stack(fits) for name, fits in predictions.items()},
    )
    return scores, coverage(ours[0], cut_off, cells=cells)


if __name__ == "__main__":
    main()
