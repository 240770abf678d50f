"""Tries other settings of a recipe on the rows of tomorrow, and writes what it would change, and why: nothing else.

Each trial is trained on dated snapshots of a table, and scored on the rows that later ones add. The best one is written
as a diff of params.yaml for `git apply`, beside a table of all. The same snapshots, commit and trials give the same
files. Finished trainings are kept in --out, so a run that was killed goes on from there.
"""

import argparse
import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline import params, prepare, train, versions
from pipeline.backtest.forward import choose_cut_offs
from pipeline.backtest.run import dated_snapshots
from pipeline.backtest.space import trials_of
from pipeline.backtest.trials import ForwardValidation
from pipeline.backtest.tuning import Tuned, tune
from pipeline.backtest.tuning_report import report, verdict
from pipeline.data.schema import FEATURES
from pipeline.model.bundle import Bundle
from pipeline.model.reproducible import device_for, reproducibility_level
from pipeline.runtime.arguments import command_parser, recipe_name, whole
from pipeline.runtime.command import command
from pipeline.runtime.drafts import drafts
from pipeline.runtime.yaml_edit import patch, with_values
from pipeline.training.checkpoint import imported_files

TRIALS, WEEKS = 30, 8


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("tune", __doc__, examples=["weekly --recipe full --trials 12 --out tune"])
    parser.add_argument("snapshots", type=Path, help="folder of tables with a date, YYYY-MM-DD, in their names")
    parser.add_argument("--recipe", type=recipe_name, help="name of a recipe in params.yaml; else that of the nights")
    parser.add_argument("--trials", type=whole(1), default=TRIALS, help=f"settings to try ({TRIALS} if not given)")
    parser.add_argument("--weeks", type=whole(1), default=WEEKS, help=f"later snapshots that add the rows ({WEEKS})")
    parser.add_argument("--out", type=Path, required=True, help="folder for tune.md, params.diff and the trainings")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Tune the recipe on the snapshots of a folder; write the diff and the table."""
    given = arguments().parse_args(argv)
    with command("tune", interrupted="finished trainings are kept, and the same command goes on from there"):
        params.check_project(FEATURES)
        name = given.recipe or params.load(params.Nightly, "nightly").recipe
        recipe = params.load(params.Recipe, "recipes", name)
        settings = params.load(params.Prepare, "prepare")
        snapshots = dated_snapshots(given.snapshots)
        cut_offs = choose_cut_offs(snapshots, weeks=given.weeks, settings=settings)
        forward = ForwardValidation(
            snapshots=snapshots,
            weeks=given.weeks,
            settings=settings,
            prepare=_quiet_prepare,
            train=_quiet_train,
            folder=given.out / "trainings",
            decided_by=decided_by(recipe),
        )
        tuned = tune(trials_of(recipe, count=given.trials), cut_offs, forward=forward)
        write(tuned, name, out=given.out)
        print("\n".join(f"tune: {line}" for line in [*verdict(tuned), next_step(tuned, given.out)]))


def prepare_in(folder: Path, table: Path, *, settings: params.Prepare) -> None:
    """The prepare stage on the raw table, all of its files in one folder."""
    prepare.run(table, out=folder, metrics=folder / "rows.json", report=folder / "report.txt", settings=settings)


def train_in(folder: Path, recipe: params.Recipe) -> Bundle:
    """The train stage on the prepared rows in the folder; its bundle stands in `model`."""
    paths = train.Paths(
        train=folder / "train.parquet",
        valid=folder / "valid.parquet",
        encoder=folder / "encoder.json",
        out=folder / "model",
        curve=folder / "curve.csv",
        cache=folder / "cache",
    )
    packages = versions.check("numpy", "pyarrow", "safetensors", "torch")
    train.run(recipe, params.load(params.Train, "train"), paths, name="recipe", packages=packages)
    return Bundle.load(paths.out)


def write(tuned: Tuned, name: str, *, out: Path) -> None:
    """Write the table, and the diff if another trial is better; an older diff goes."""
    before = params.FILE.read_bytes().decode()
    changes = tuned.trials[tuned.best].changes
    after = with_values(before, {f"recipes.{name}.{path}": value for path, value in changes.items()})
    with drafts() as draft_of:
        draft_of(out / "tune.md").write_text(report(tuned, name), encoding="utf-8")
        if changes:
            draft_of(out / "params.diff").write_bytes(patch(before, after, name=params.FILE.name).encode())
    if not changes:
        (out / "params.diff").unlink(missing_ok=True)


def next_step(tuned: Tuned, out: Path) -> str:
    """Where to read on, and how to take what was found."""
    if tuned.held_out is None:
        return f"all trials are in {out}/tune.md"
    return f"all trials are in {out}/tune.md; to take the best one: git apply {out}/params.diff"


def decided_by(recipe: params.Recipe) -> dict[str, Any]:
    """What decides a training beside its settings and its rows: the code, the packages, and where it computes."""
    files = imported_files(Path(__file__))
    return {
        "code": {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()},
        "packages": versions.check(*versions.PACKAGES),
        "reproducibility": reproducibility_level(
            engine=recipe.engine, device=device_for(recipe.device), threads=recipe.threads
        ),
    }


def _quiet_prepare(folder: Path, table: Path, *, settings: params.Prepare) -> None:
    with _quiet():
        prepare_in(folder, table, settings=settings)


def _quiet_train(folder: Path, recipe: params.Recipe) -> Bundle:
    with _quiet():
        return train_in(folder, recipe)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the progress of stages that run by the hundred; an error is raised as ever."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


if __name__ == "__main__":
    main()
