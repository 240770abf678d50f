"""Stage 2: encoded training and validation rows → the recipe's model bundle and its learning curve."""

import argparse
import csv
import hashlib
import logging
import math
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline import params, versions
from pipeline.data.encoding import Encoder
from pipeline.data.schema import GROUP
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.model.bundle import Bundle
from pipeline.model.card import CARD, card
from pipeline.model.intervals import PredictedRows, calibrate
from pipeline.model.network import Regressor, build
from pipeline.model.reproducible import (
    ANY_CPU,
    DataLoader,
    TensorDataset,
    device_for,
    nn,
    reproducibility_level,
    torch,
    unpin_matrix_products,
)
from pipeline.runtime.lifetime import end_with_parent
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.compiled import keep_compiled_code_in
from pipeline.training.fit import Epoch, TrainingState, fit
from pipeline.training.loader import loader_of, read_rows
from pipeline.training.predictions import count_rows, predict_file, read_background, sampling_step


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="name of a recipe in params.yaml")
    parser.add_argument("--train", type=Path, required=True, help="Parquet file of encoded training rows")
    parser.add_argument("--valid", type=Path, required=True, help="Parquet file of encoded validation rows")
    parser.add_argument("--encoder", type=Path, required=True, help="JSON file of the encoder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--curve", type=Path, required=True, help="CSV file of the losses per epoch")
    parser.add_argument("--cache", type=Path, required=True, help="folder of checkpoints and compiled code")
    arguments = vars(parser.parse_args(argv))
    name = arguments.pop("recipe")
    end_with_parent()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ctrl-C: the last epoch's end is kept
    logging.basicConfig(format=f"train {name}: %(message)s")
    logging.getLogger("pipeline").setLevel(logging.INFO)
    try:
        packages = versions.check("numpy", "pyarrow", "safetensors", "torch")
        recipe, settings = params.load(params.Recipe, "recipes", name), params.load(params.Train, "train")
        run(recipe, settings, name=name, packages=packages, **arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"train {name}: {error}")
    except KeyboardInterrupt:
        print(f"train {name}: interrupted; dvc repro goes on from the last epoch's end", file=sys.stderr)
        sys.exit(130)


def run(
    recipe: params.Recipe,
    settings: params.Train,
    *,
    name: str,
    packages: Mapping[str, str],
    train: Path,
    valid: Path,
    encoder: Path,
    out: Path,
    curve: Path,
    cache: Path,
) -> None:
    """Train the recipe's network; write its bundle and its losses."""
    torch.set_num_threads(recipe.threads)
    device = device_for(recipe.device)
    reproducibility = reproducibility_level(engine=recipe.engine, device=device, threads=recipe.threads)
    if reproducibility != ANY_CPU:
        unpin_matrix_products()
    keep_compiled_code_in(cache / "compiled")
    fitted_encoder = Encoder.read(encoder)
    generator = torch.Generator().manual_seed(recipe.seed)
    where = f"{params.FILE}: recipes.{name}"
    network = build(recipe, sizes=fitted_encoder.sizes(), generator=generator, where=where)
    network.move_to(device, seed=recipe.seed)
    provenance = {
        "reproducibility": reproducibility,
        "packages": dict(packages),
        "data": {path.name: _sha256(path) for path in (train, valid)},
    }
    key = {"recipe": recipe.model_dump(mode="json"), **provenance, "encoder": _sha256(encoder), "code": _code()}
    checkpoint = Checkpoint(cache / "checkpoints", key=key, every_seconds=settings.checkpoint_every_seconds)
    order = torch.Generator().manual_seed(recipe.seed)
    loader = loader_of(train, network, recipe, generator=order)
    last = _train(network, loader, read_rows(valid, network), recipe=recipe, checkpoint=checkpoint, name=name)
    nn.utils.vector_to_parameters(last.kept_weights, network.parameters())
    scaling, levels = fitted_encoder.scaling, fitted_encoder.sizes()[GROUP]
    of_train, of_valid = (predict_file(path, network.cpu(), scaling) for path in (train, valid))
    intervals = calibrate(train=of_train, valid=of_valid, groups=levels)
    background = read_background(train, network.columns, of_train.prediction, step=sampling_step(train))
    facts = {"kept_epoch": last.kept_epoch, **provenance}
    Bundle(network, fitted_encoder, recipe, intervals, background, facts).save(out)
    kept = last.history[last.kept_epoch - 1]
    scores = {"training": (kept.train_mse, _rmse(of_train)), "validation": (kept.valid_mse, _rmse(of_valid))}
    rows = {path.name: count_rows(path) for path in (train, valid)}
    (out / CARD).write_text(card(name, recipe, facts=facts, rows=rows, scores=scores), encoding="utf-8")
    curve.parent.mkdir(parents=True, exist_ok=True)
    with curve.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Epoch))
        writer.writerows(astuple(epoch) for epoch in last.history)
    checkpoint.remove()


def _train(
    network: Regressor,
    loader: "DataLoader[tuple[torch.Tensor, ...]]",
    valid: TensorDataset,
    *,
    recipe: params.Recipe,
    checkpoint: Checkpoint,
    name: str,
) -> TrainingState:
    """Train to the end, from the checkpoint on if there is one, and keep it up to date."""
    last = start = checkpoint.load()
    with tqdm(total=recipe.epochs, initial=len(start.history), desc=name, unit="epoch", disable=None) as progress:
        try:
            for last in fit(network, loader=loader, valid=valid, recipe=recipe, start=start):
                _show(last.history[-1], progress, name)
                checkpoint.save_if_due(last)
        finally:
            if last is not start:
                checkpoint.save(last)
    return last


def _show(epoch: Epoch, progress: "tqdm[Any]", name: str) -> None:
    """The losses: beside the bar on a terminal, as a line in a log."""
    losses = {"train_mse": f"{epoch.train_mse:.5f}", "valid_mse": f"{epoch.valid_mse:.5f}"}
    if progress.disable:
        shown = (f"{key}={loss}" for key, loss in losses.items())
        print(f"{name} epoch {epoch.epoch}/{progress.total}", *shown, flush=True)
    progress.set_postfix(losses)
    progress.update()


def _rmse(rows: PredictedRows) -> float:
    """The root mean squared error, in UNIT."""
    return math.sqrt(mean_squared_error(rows.prediction, rows.actual))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code() -> str:
    """The hash of the project's own code: whatever has changed in it may train other weights."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    main()
