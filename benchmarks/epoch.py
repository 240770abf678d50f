"""What the shipped recipes pay beside their steps: for validation, progress and checkpoints, and for the same bytes.

`python -m benchmarks.epoch` prints a table of docs/speed.md.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, redirect_stdout
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from unittest.mock import patch

from benchmarks.speed.contestants import Contestant, TrainingLoop
from pipeline import params  # without torch, which a contestant may want before it is pinned
from pipeline.runtime.command import command

TABLE_ROWS = 92_000  # of which some 60,000 are for training


def main() -> None:
    """Measure both recipes."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with command("benchmarks.epoch"):
        os.environ["OMP_NUM_THREADS"] = "1"
        print("| recipe | beside the steps of eager | … of compiled | time of a step, pinned / free |")
        print("|---|---|---|---|")
        with (
            tempfile.TemporaryDirectory() as folder,
            ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool,
        ):
            pool.submit(prepare_sample, Path(folder)).result()
            for recipe in params.recipe_names():
                eager, compiled = (
                    pool.submit(share_beside_steps, recipe, engine, Path(folder)).result()
                    for engine in ("eager", "compiled")
                )
                print(f"| {recipe} | {eager:.1%} | {compiled:.1%} | {pinned_over_free(recipe):.2f} |", flush=True)


def prepare_sample(folder: Path, rows: int = TABLE_ROWS) -> None:
    """Draw a table and prepare it in the folder."""
    from pipeline import sample
    from pipeline.tune import prepare_in

    table = folder / "salaries.csv"
    sample.main(["--rows", str(rows), "--seed", "1", "--out", str(table)])
    prepare_in(folder, table, settings=params.load(params.Prepare, "prepare"))


def share_beside_steps(name: str, engine: str, folder: Path) -> float:
    """The share of the train stage's processor time that is not its steps, from the first epoch's end to the last's."""
    from pipeline.training.engines import CompiledLoop, EagerLoop
    from pipeline.tune import train_in

    recipe = params.load(params.Recipe, "recipes", name)
    recipe = recipe.model_copy(update={"engine": engine, "epochs": 6, "patience": None})
    loop: type[EagerLoop] = EagerLoop if engine == "eager" else CompiledLoop
    epoch, marks = loop.epoch, []

    def timed(*arguments: object) -> float:
        marks.append(time.process_time())
        loss: float = epoch(*arguments)  # type: ignore[arg-type]
        marks.append(time.process_time())
        return loss

    with patch.object(loop, "epoch", timed), redirect_stdout(sys.stderr):
        train_in(folder, recipe)
    between = [later - earlier for earlier, later in pairwise(marks[1:])]
    return sum(between[::2]) / sum(between)


def pinned_over_free(name: str) -> float:
    """How many times as long the eager step takes with torch's code paths pinned as with those it chooses itself."""
    batch = params.load(params.Recipe, "recipes", name).batch_size
    loops = [TrainingLoop("plain_torch:eager", pinned=pinned) for pinned in (True, False)]
    with ExitStack() as stack:
        contestants = [stack.enter_context(closing(Contestant(loop))) for loop in loops]
        for contestant in contestants:
            contestant.start(name, batch, seconds=0.3)
        times = [[contestant.turn() for contestant in contestants] for _ in range(7)]
    return median(pinned / free for pinned, free in times)


if __name__ == "__main__":
    main()
