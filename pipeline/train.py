"""Stage 2: encoded training and validation rows → the recipe's model bundle and its learning curve."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline import params, versions
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, GROUP
from pipeline.model.bundle import BACKGROUND_ROWS, Bundle
from pipeline.model.intervals import calibrate
from pipeline.model.network import Regressor, build
from pipeline.model.reproducible import (
    ANY_AVX2_CPU,
    ANY_CPU,
    device_for,
    nn,
    reproducibility_level,
    torch,
    unpin_matrix_products,
    use_threads,
)
from pipeline.model.trained import trained
from pipeline.runtime.arguments import command_parser, recipe_name
from pipeline.runtime.command import WAY_BACK, command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.lifetime import end_with_parent
from pipeline.runtime.packages import hidden
from pipeline.training.checkpoint import Checkpoint, imported_files, sha256
from pipeline.training.compiler import keep_compiled_code_in
from pipeline.training.fit import Epoch, TrainingState, epochs_of, fit, why_it_stopped
from pipeline.training.gathering import gathered
from pipeline.training.learning_curve import live_curve, write_curve
from pipeline.training.sampled_rows import distinct_rows, predict_rows, read_sample, representative_rows
from pipeline.training.shards import training_rows
from pipeline.training.validation import validation_rows
from pipeline.training.workers import ALONE, Workers


@dataclass(frozen=True)
class Paths:
    """The files that the stage reads, those that it writes, and its folder of checkpoints and compiled code."""

    train: Path
    valid: Path
    encoder: Path
    out: Path
    curve: Path
    cache: Path


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and the settings, run the stage."""
    parser = command_parser("train", __doc__)
    parser.add_argument("recipe", type=recipe_name, help="name of a recipe in params.yaml, or of its stage: train@full")
    parser.add_argument("--train", type=Path, required=True, help="Parquet file of encoded training rows")
    parser.add_argument("--valid", type=Path, required=True, help="Parquet file of encoded validation rows")
    parser.add_argument("--encoder", type=Path, required=True, help="JSON file of the encoder")
    parser.add_argument("--models", type=Path, required=True, help="folder in which the recipe gets that of its bundle")
    parser.add_argument("--plots", type=Path, required=True, help="folder in which it gets that of its learning curve")
    parser.add_argument("--cache", type=Path, required=True, help="folder of checkpoints and compiled code")
    given = parser.parse_args(argv)
    name = given.recipe
    end_with_parent()
    interrupted = "dvc repro goes on from the last epoch's end"
    # no frame is made here, but Arrow imports pandas for the first value it is given: a quarter second
    with hidden("pandas"), command(f"train {name}", interrupted=interrupted, advice=WAY_BACK):
        params.check(FEATURES)
        packages = versions.check("numpy", "pyarrow", "safetensors", "torch")
        recipe, settings = params.load(params.Recipe, "recipes", name), params.load(params.Train, "train")
        logging.basicConfig(format=f"train {name}: %(message)s")  # only now it is known to be a name
        logging.getLogger("pipeline").setLevel(logging.INFO)
        out, curve = given.models / name, given.plots / name / "learning_curve.csv"
        paths = Paths(given.train, given.valid, given.encoder, out, curve, given.cache)
        with gathered(recipe.shards, "pipeline.train", argv, where=f"recipes.{name}") as workers:
            run(recipe, settings, paths, name=name, packages=packages, workers=workers)


def run(
    recipe: params.Recipe,
    settings: params.Train,
    paths: Paths,
    *,
    name: str,
    packages: Mapping[str, str],
    workers: Workers = ALONE,
) -> None:
    """Train the recipe's network; write its bundle and its learning curve, if this is the first of the workers."""
    device, reproducibility = _set_up_torch(recipe)
    keep_compiled_code_in(paths.cache / "compiled")
    encoder, generator = Encoder.read(paths.encoder), torch.Generator().manual_seed(recipe.seed)
    network = build(recipe, encoder, generator=generator, where=f"{params.FILE}: recipes.{name}")
    network.move_to(device, seed=recipe.seed)
    data = {path.name: sha256(path) for path in (paths.train, paths.valid)}
    provenance = {"reproducibility": reproducibility, "packages": dict(packages), "data": data}
    code = {name: sha256(file) for name, file in imported_files(Path(__file__)).items()}
    # all that decides the weights: whatever else changes, an interrupted training goes on
    key = {"recipe": recipe.model_dump(mode="json"), **provenance, "encoder": sha256(paths.encoder), "code": code}
    checkpoint = Checkpoint(paths.cache / "checkpoints", key=key, every_seconds=settings.checkpoint_every_seconds)
    with drafts() as scratch_of:
        scratch = scratch_of(paths.cache / f"weights-{name}-{workers.rank + 1}", scratch=True)
        start = checkpoint.load_for(workers)
        steps, states = _epochs(network, recipe, paths, start, workers, scratch)
        if not workers.first:
            for _ in states:
                pass  # the first worker keeps and shows them
            return
        with live_curve(paths.curve) as show_curve:
            last = _train(states, start, recipe, checkpoint, name, show_curve, steps_per_epoch=steps)
            with drafts() as draft_of:
                paths = replace(paths, out=draft_of(paths.out), curve=draft_of(paths.curve))
                _finish_bundle(network, encoder, recipe, last, provenance, paths)
                write_curve(last.history, paths.curve)
    checkpoint.remove()


def _set_up_torch(recipe: params.Recipe) -> tuple[torch.device, str]:
    """Set torch up as the recipe says, before it computes; returns the device and the level of reproducibility."""
    use_threads(recipe.threads)
    device = device_for(recipe.device)
    level = reproducibility_level(engine=recipe.engine, device=device, threads=recipe.threads)
    if level not in (ANY_CPU, ANY_AVX2_CPU):
        unpin_matrix_products()
    return device, level


def _epochs(
    network: Regressor, recipe: params.Recipe, paths: Paths, start: TrainingState, workers: Workers, scratch: Path
) -> tuple[int, Iterator[TrainingState]]:
    """How many steps an epoch has, and what the training is at the end of each one after the start."""
    order = torch.Generator().manual_seed(recipe.seed)
    loader = training_rows(paths.train, network, recipe, generator=order, scratch=scratch, workers=workers)
    valid = validation_rows(paths.valid, network)
    return len(loader), fit(network, loader=loader, valid=valid, recipe=recipe, start=start, workers=workers)


def _train(
    states: Iterator[TrainingState],
    start: TrainingState,
    recipe: params.Recipe,
    checkpoint: Checkpoint,
    name: str,
    show_curve: Callable[[Sequence[Epoch]], None],
    *,
    steps_per_epoch: int,
) -> TrainingState:
    """Train from the start to the end; keep the checkpoint and the learning curve up to date."""
    last, epochs = start, epochs_of(recipe, steps_per_epoch=steps_per_epoch)
    with tqdm(total=epochs, initial=len(start.history), desc=name, unit="epoch", disable=None) as progress:
        try:
            for last in states:
                _show(last.history[-1], progress, name)
                show_curve(last.history)
                checkpoint.save_if_due(last)
        finally:
            if last is not start:
                checkpoint.save(last)
        progress.total = progress.n  # wherever it stopped, the bar ends full
        progress.refresh()
    if why := why_it_stopped(last.history, recipe, steps_per_epoch=steps_per_epoch):
        print(f"{name} {why}", flush=True)
    return last


def _show(epoch: Epoch, progress: "tqdm[Any]", name: str) -> None:
    """The losses: beside the bar on a terminal, as a line in a log."""
    losses = {"train_mse": f"{epoch.train_mse:.5f}", "valid_mse": f"{epoch.valid_mse:.5f}"}
    if progress.disable:
        print(f"{name} epoch {epoch.epoch}/{progress.total}", *map("{}={}".format, losses, losses.values()), flush=True)
    progress.set_postfix(losses)
    progress.update()


def _finish_bundle(
    network: Regressor,
    encoder: Encoder,
    recipe: params.Recipe,
    last: TrainingState,
    provenance: Mapping[str, Any],
    paths: Paths,
) -> None:
    """Give the kept weights intervals and a background for explanations; write all of it."""
    nn.utils.vector_to_parameters(last.kept_weights, network.parameters())
    model = trained(recipe, encoder, network.weights())
    train_rows, valid_rows = (read_sample(path, model) for path in (paths.train, paths.valid))
    if recipe.equal_rows == "once":
        valid_rows = distinct_rows(valid_rows)
    train, valid = (predict_rows(rows, model, encoder.scaling) for rows in (train_rows, valid_rows))
    intervals = calibrate(train=train, valid=valid, groups=encoder.sizes()[GROUP])
    chosen = representative_rows(train.prediction, count=BACKGROUND_ROWS)
    background = {name: train_rows[name][chosen] for name in model.columns}
    Bundle(model, encoder, recipe, intervals, background, {"kept_epoch": last.kept_epoch, **provenance}).save(paths.out)


if __name__ == "__main__":
    main()
