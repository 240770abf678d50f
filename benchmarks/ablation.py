"""What the parts of `full` are worth, and what was tried and left out: `python -m benchmarks.ablation FOLDER`.

Each row of the table is `full` with one thing changed. It is trained on a snapshot's training rows, with several
seeds, and scored on its validation and test rows; the future rows of benchmarks/quality.py are not looked at. Prints
a table of docs/quality.md.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.accuracy import variants
from benchmarks.accuracy.scores import OURS, Scores, comparison
from benchmarks.accuracy.stages import prepare_in
from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, TARGET
from pipeline.evaluation.noise_floor import cell_numbers
from pipeline.model.layers import initialise
from pipeline.model.network import EmbeddingNet
from pipeline.model.reproducible import nn, torch
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command
from pipeline.runtime.yaml_files import read
from pipeline.training.fit import fit
from pipeline.training.loader import loader_of, read_rows

CUTOFFS = ("2022-08-28", "2023-03-26", "2023-10-29")
HELD_OUT = ("valid", "test")


@dataclass(frozen=True)
class Change:
    """Settings by their path in params.yaml, as `dvc exp run -S` takes them, or another network."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    network: type[EmbeddingNet] = EmbeddingNet


CHANGES = {
    OURS: Change(),
    "linear output": Change({"recipes.full.network.output": "linear"}),
    "without linear skips": Change(network=variants.WithoutSkips),
    "without code dropout": Change({"recipes.full.network.code_dropout": 0.0}),
    "without dropout": Change({"recipes.full.network.dropout": 0.0}),
    "without a schedule": Change({"recipes.full.optimizer.schedule": "constant"}),
    "equal rows count each": Change({"recipes.full.equal_rows": "each"}),
    "rare values kept, min_count 1": Change({"prepare.min_count": 1}),
    "more values folded, min_count 5": Change({"prepare.min_count": 5}),
    "target log1p": Change({"prepare.target": "log1p"}),
    "linear: no hidden layers": Change({"recipes.full.network.hidden": []}),
    "weight decay 1": Change({"recipes.full.optimizer.weight_decay": 1.0}),
    "averaged weights, ema_decay 0.9": Change({"recipes.full.optimizer.ema_decay": 0.9}),
    "averaged weights, ema_decay 0.98": Change({"recipes.full.optimizer.ema_decay": 0.98}),
    "ordinals embedded": Change(network=variants.EmbeddedOrdinals),
    "ordinals piecewise linear": Change(network=variants.PiecewiseLinearOrdinals),
    "ordinals periodic": Change(network=variants.PeriodicOrdinals),
    "target encoding inside folds": Change(network=variants.TargetEncoded),
    "8 parallel heads, packed": Change(network=variants.PackedHeads),
    "8 parallel heads, TabM mini": Change(network=variants.TabM),
}
AVERAGED = "networks of all seeds, averaged"


def main() -> None:
    """Measure each snapshot, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--cutoffs", nargs="+", default=CUTOFFS, help="dates of the snapshots")
    parser.add_argument("--seeds", type=whole(1), default=3, help="how many networks each")
    arguments = parser.parse_args()
    with command("benchmarks.ablation"):
        with contextlib.redirect_stdout(sys.stderr):
            scores = {
                cutoff: score_changes(arguments.folder / f"salaries_{cutoff}.csv", seeds=range(1, arguments.seeds + 1))
                for cutoff in arguments.cutoffs
            }
        print("\n".join(comparison(scores, methods=[*CHANGES, AVERAGED])))


def score_changes(snapshot: Path, *, seeds: Sequence[int]) -> Scores:
    """Train and score all changes on one snapshot."""
    with tempfile.TemporaryDirectory() as scratch:
        predictions = {
            name: train_and_predict(change, snapshot, Path(scratch, name), seeds=seeds)
            for name, change in CHANGES.items()
        }
        train, *held_out = (pq.read_table(Path(scratch, OURS, f"{split}.parquet")) for split in ("train", *HELD_OUT))
    predictions[AVERAGED] = predictions[OURS].mean(axis=0, keepdims=True)
    rows = pa.concat_tables(held_out)
    cells = cell_numbers({name: rows[name].to_numpy() for name in FEATURES})
    return Scores(train.num_rows, rows[TARGET].to_numpy(), cells, None, predictions, tuned={})


def train_and_predict(change: Change, snapshot: Path, folder: Path, *, seeds: Sequence[int]) -> np.ndarray:
    """The predictions of the held-out rows after a training with each seed. Shape: (seeds, rows), US dollars."""
    settings = read(params.FILE)
    for path, value in change.settings.items():
        *sections, key = path.split(".")
        reduce(getitem, sections, settings)[key] = value
    prepare_in(folder, snapshot, settings=params.parse(params.Prepare, settings["prepare"], where="prepare"))
    if change.network is variants.TargetEncoded:
        variants.add_target_means(folder)
    recipe = params.parse(params.Recipe, settings["recipes"][OURS], where=OURS)
    recipes = [recipe.model_copy(update={"seed": seed}) for seed in seeds]
    return np.stack([predict_held_out(recipe, change.network, folder) for recipe in recipes])


def predict_held_out(recipe: params.Recipe, network_class: type[EmbeddingNet], folder: Path) -> np.ndarray:
    """The predictions of the held-out rows after one training. Shape: (rows,), US dollars."""
    encoder, generator = Encoder.read(folder / "encoder.json"), torch.Generator().manual_seed(recipe.seed)
    assert isinstance(recipe.network, params.Embedding)  # noqa: S101 (`full` has no other)
    network = network_class(recipe.features, recipe.network, encoder, generator=generator)
    initialise(network, generator=generator)
    order = torch.Generator().manual_seed(recipe.seed)
    loader = loader_of(folder / "train.parquet", network, recipe, generator=order)
    held_out = [read_rows(folder / f"{split}.parquet", network) for split in HELD_OUT]
    *_, last = fit(network, loader=loader, valid=held_out[0], recipe=recipe)
    nn.utils.vector_to_parameters(last.kept_weights, network.parameters())
    outputs = [network.predict_normalised(rows.tensors[0]).numpy() for rows in held_out]
    return encoder.scaling.denormalise(np.concatenate(outputs))


if __name__ == "__main__":
    main()
