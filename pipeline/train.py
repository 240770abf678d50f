"""Stage 2: encoded training and validation rows → the recipe's model bundle and its learning curve."""

import argparse
import csv
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from tqdm import tqdm

from pipeline import params, versions
from pipeline.bundle import Bundle
from pipeline.encoding import Encoder
from pipeline.fit import Epoch, fit
from pipeline.network import Regressor, build
from pipeline.parent import end_with_parent
from pipeline.reproducible import TensorDataset, torch


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="name of a recipe in params.yaml")
    parser.add_argument("--train", type=Path, required=True, help="Parquet file of encoded training rows")
    parser.add_argument("--valid", type=Path, required=True, help="Parquet file of encoded validation rows")
    parser.add_argument("--encoder", type=Path, required=True, help="JSON file of the encoder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--curve", type=Path, required=True, help="CSV file of the losses per epoch")
    arguments = vars(parser.parse_args(argv))
    name = arguments.pop("recipe")
    end_with_parent()
    try:
        packages = versions.check("numpy", "pyarrow", "safetensors", "torch")
        run(params.load(params.Recipe, "recipes", name), name=name, packages=packages, **arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"train {name}: {error}")


def run(
    recipe: params.Recipe,
    *,
    name: str,
    packages: Mapping[str, str],
    train: Path,
    valid: Path,
    encoder: Path,
    out: Path,
    curve: Path,
) -> None:
    """Train the recipe's network; write its bundle and its losses."""
    fitted_encoder = Encoder.read(encoder)
    generator = torch.Generator().manual_seed(recipe.seed)  # draws the weights, then the dropout
    network = build(recipe, sizes=fitted_encoder.sizes(), generator=generator)
    with tqdm(total=recipe.epochs, desc=name, unit="epoch", disable=None) as progress:
        fitted = fit(
            network,
            train=read_rows(train, network),
            valid=read_rows(valid, network),
            recipe=recipe,
            on_epoch=lambda epoch: _show(epoch, progress, name),
        )
    network.load_state_dict(fitted.weights)
    provenance = {
        "kept_epoch": fitted.kept_epoch,
        "packages": dict(packages),
        "data": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (train, valid)},
    }
    Bundle(network, fitted_encoder, recipe, provenance).save(out)
    curve.parent.mkdir(parents=True, exist_ok=True)
    with curve.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Epoch))
        writer.writerows(astuple(epoch) for epoch in fitted.history)


def read_rows(path: Path, network: Regressor) -> TensorDataset:
    """The split's inputs as the network reads them, and its normalised salaries.

    Shape: (rows, columns) and (rows, 1).
    Raises: ValueError if the split has no row.
    """
    table = pq.read_table(path, columns=[*network.columns, "target"])
    if not table.num_rows:
        raise ValueError(f"{path}: the split must have rows, found none; the table is too small for prepare.split")
    columns = {name: table[name].to_numpy() for name in table.column_names}
    target = torch.from_numpy(columns["target"].astype(np.float32)).unsqueeze(1)
    return TensorDataset(network.inputs(columns), target)


def _show(epoch: Epoch, progress: "tqdm[Any]", name: str) -> None:
    """The losses: beside the bar on a terminal, as a line in a log."""
    losses = {"train_mse": f"{epoch.train_mse:.5f}", "valid_mse": f"{epoch.valid_mse:.5f}"}
    if progress.disable:
        shown = (f"{key}={loss}" for key, loss in losses.items())
        print(f"{name} epoch {epoch.epoch}/{progress.total}", *shown, flush=True)
    progress.set_postfix(losses)
    progress.update()


if __name__ == "__main__":
    main()
