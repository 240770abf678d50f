"""What the parts of `full` are worth, and what was tried and left out: `python -m benchmarks.ablation FOLDER`.

Each row of the table is `full` with one thing changed. It is trained on a snapshot's training rows, with several
seeds, and scored on the rows that the next eight snapshots add, as benchmarks/quality.py does; its last cut-offs are
not looked at. Prints a table of docs/quality.md.
"""

import argparse
import contextlib
import datetime
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import variants
from benchmarks.accuracy.recipes import WITHOUT_YEAR
from benchmarks.accuracy.scores import OURS, Scores, comparison
from benchmarks.quality import CUTOFFS, LAST
from pipeline import params
from pipeline.backtest.forward import CutOff, read_cut_off
from pipeline.backtest.run import dated_snapshots
from pipeline.backtest.space import put
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, TARGET
from pipeline.evaluation.noise_floor import cell_numbers
from pipeline.model.layers import initialise
from pipeline.model.network import EmbeddingNet
from pipeline.model.reproducible import nn, torch
from pipeline.runtime.arguments import date, whole
from pipeline.runtime.command import command
from pipeline.runtime.yaml_files import read
from pipeline.training.fit import fit
from pipeline.training.shards import training_rows
from pipeline.training.validation import validation_rows
from pipeline.tune import prepare_in

WEEKS = 8


@dataclass(frozen=True)
class Change:
    """Settings by their path in params.yaml, as `dvc exp run -S` takes them, or another network."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    network: type[EmbeddingNet] = EmbeddingNet

    def of_params(self) -> Any:  # noqa: ANN401 (what YAML holds)
        """All of params.yaml with these settings."""
        settings = read(params.FILE)
        put(self.settings, settings)
        return settings


CHANGES = {
    OURS: Change(),
    "linear output": Change({"recipes.full.network.output": "linear"}),
    "without linear skips": Change(network=variants.WithoutSkips),
    "without code dropout": Change({"recipes.full.network.code_dropout": 0.0}),
    "more code dropout, 0.1": Change({"recipes.full.network.code_dropout": 0.1}),
    "without dropout": Change({"recipes.full.network.dropout": 0.0}),
    "without a schedule": Change({"recipes.full.optimizer.schedule": "constant"}),
    "equal rows count each": Change({"recipes.full.equal_rows": "each"}),
    "rare values kept, min_count 1": Change({"prepare.min_count": 1}),
    "more values folded, min_count 5": Change({"prepare.min_count": 5}),
    "target log1p": Change({"prepare.target": "log1p"}),
    "linear: no hidden layers": Change({"recipes.full.network.hidden": []}),
    "weight decay 0.01": Change({"recipes.full.optimizer.weight_decay": 0.01}),
    "weight decay 1": Change({"recipes.full.optimizer.weight_decay": 1.0}),
    "as many epochs whatever the rows, 20": Change({"recipes.full.epochs": 20, "recipes.full.max_steps": None}),
    "half as long, 150 steps": Change({"recipes.full.epochs": 20, "recipes.full.max_steps": 150}),
    "twice as long, 600 steps": Change({"recipes.full.epochs": 80, "recipes.full.max_steps": 600}),
    "narrower, 8 and 64-64": Change({"recipes.full.network.width": 8, "recipes.full.network.hidden": [64, 64]}),
    "with the year": Change({"recipes.full.features": ["work_year", *WITHOUT_YEAR]}),
    "averaged weights, ema_decay 0.9": Change({"recipes.full.optimizer.ema_decay": 0.9}),
    "averaged weights, ema_decay 0.98": Change({"recipes.full.optimizer.ema_decay": 0.98}),
    "ordinals embedded": Change(network=variants.EmbeddedOrdinals),
    "ordinals piecewise linear": Change(network=variants.PiecewiseLinearOrdinals),
    "ordinals periodic": Change(network=variants.PeriodicOrdinals),
    "8 parallel heads, packed": Change(network=variants.PackedHeads),
    "8 parallel heads, TabM mini": Change(network=variants.TabM),
}
CHANGES |= {
    f"without {feature}": Change({"recipes.full.features": [name for name in WITHOUT_YEAR if name != feature]})
    for feature in WITHOUT_YEAR
}
AVERAGED = "networks of all seeds, averaged"


def main() -> None:
    """Measure each snapshot, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--cutoffs", nargs="+", type=date, default=[*CUTOFFS][:-LAST], help="dates of the snapshots")
    parser.add_argument("--seeds", type=whole(1), default=3, help="how many networks each")
    arguments = parser.parse_args()
    with command("benchmarks.ablation"):
        with contextlib.redirect_stdout(sys.stderr):
            scores = {
                str(day): score_changes(arguments.folder, day, seeds=range(1, arguments.seeds + 1))
                for day in arguments.cutoffs
            }
        print("\n".join(comparison(scores, methods=[*CHANGES, AVERAGED])))


def score_changes(
    folder: Path, day: datetime.date, *, seeds: Sequence[int], changes: Mapping[str, Change] = CHANGES
) -> Scores:
    """Train and score the changes, OURS among them, on one snapshot."""
    predictions, snapshots = {}, dated_snapshots(folder)
    for name, change in changes.items():
        with tempfile.TemporaryDirectory() as scratch:
            settings = change.of_params()
            prepare = params.parse(params.Prepare, settings["prepare"], where="prepare")
            cut_off = read_cut_off(
                snapshots, day, weeks=WEEKS, settings=prepare, prepare=prepare_in, scratch=Path(scratch)
            )
            recipe = params.parse(params.Recipe, settings["recipes"][OURS], where=OURS)
            recipes = [recipe.model_copy(update={"seed": seed}) for seed in seeds]
            predictions[name] = np.stack([predict_future(recipe, change.network, cut_off) for recipe in recipes])
    predictions[AVERAGED] = predictions[OURS].mean(axis=0, keepdims=True)
    cells = cell_numbers({name: np.array(cut_off.future[name].to_pylist()) for name in FEATURES})
    return Scores(cut_off.train.num_rows, cut_off.future[TARGET].to_numpy(), cells, None, predictions)


def predict_future(recipe: params.Recipe, network_class: type[EmbeddingNet], cut_off: CutOff) -> np.ndarray:
    """The predictions of the rows to come after one training. Shape: (rows,), US dollars."""
    encoder, generator = Encoder.read(cut_off.prepared / "encoder.json"), torch.Generator().manual_seed(recipe.seed)
    assert isinstance(recipe.network, params.Embedding)  # noqa: S101 (`full` has no other)
    network = network_class(recipe.features, recipe.network, encoder, generator=generator)
    initialise(network, generator=generator)
    order = torch.Generator().manual_seed(recipe.seed)
    train, scratch = cut_off.prepared / "train.parquet", cut_off.prepared / "weights"
    loader = training_rows(train, network, recipe, generator=order, scratch=scratch)
    valid = validation_rows(cut_off.prepared / "valid.parquet", network)
    *_, last = fit(network, loader=loader, valid=valid, recipe=recipe)
    nn.utils.vector_to_parameters(last.kept_weights, network.parameters())
    inputs = network.inputs(encoder.encode(cut_off.future))
    return encoder.scaling.denormalise(network.predict_normalised(inputs).numpy())


if __name__ == "__main__":
    main()
