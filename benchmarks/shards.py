"""Training in shards against plain training: how long an epoch takes or, on weekly tables, how good the models are.

`python -m benchmarks.shards` prints a table of docs/speed.md, `python -m benchmarks.shards --quality FOLDER` one of
docs/quality.md.
"""

import argparse
import contextlib
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

from benchmarks.ablation import Change, score_changes
from benchmarks.accuracy.scores import OURS, comparison
from benchmarks.epoch import prepare_sample
from pipeline import params, versions
from pipeline.backtest.space import put
from pipeline.runtime.arguments import date, whole
from pipeline.runtime.command import command
from pipeline.runtime.yaml_files import read

BATCHES, TABLE_ROWS, EPOCHS = (512, 4096, 65_536), 400_000, 4
SHARDS = 8
WAYS = {"plain": (None, 1), "one worker": (SHARDS, 1), "two workers": (SHARDS, 2)}
"""By the name of a way to train: how many shards and how many workers."""
IN_SHARDS = f"in {SHARDS} shards"
DAYS = tuple(map(datetime.date.fromisoformat, ("2022-12-25", "2023-06-25", "2023-12-31")))
ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure the one or the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("batches", type=whole(SHARDS), nargs="*", default=BATCHES, help="rows per batch")
    parser.add_argument("--rows", type=whole(1), default=TABLE_ROWS, help="of the sample, two thirds are to train on")
    parser.add_argument("--rounds", type=whole(1), default=3)
    parser.add_argument("--quality", type=Path, metavar="FOLDER", help="folder of salaries_YYYY-MM-DD.csv files")
    parser.add_argument("--cutoffs", nargs="+", type=date, default=DAYS, help="dates of the tables")
    parser.add_argument("--seeds", type=whole(1), default=5, help="how many networks each")
    given = parser.parse_args()
    with command("benchmarks.shards"):
        if given.quality:
            print("\n".join(quality(given.quality, given.cutoffs, seeds=given.seeds)))
            return
        print("| batch | plain, per epoch | in shards / plain | each of two workers / one | … in wall-clock time |")
        print("|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as scratch:
            prepare_sample(Path(scratch), rows=given.rows)
            for batch in given.batches:
                print(line(Path(scratch), batch, rounds=given.rounds), flush=True)


def quality(folder: Path, days: Sequence[datetime.date], *, seeds: int) -> list[str]:
    """The errors of `full` in shards as multiples of those of `full`, on rows that came later."""
    changes = {OURS: Change(), IN_SHARDS: Change({f"recipes.{OURS}.shards": SHARDS})}
    with contextlib.redirect_stdout(sys.stderr):
        scores = {str(day): score_changes(folder, day, seeds=range(1, seeds + 1), changes=changes) for day in days}
    return comparison(scores, methods=[*changes])


def line(folder: Path, batch: int, *, rounds: int) -> str:
    """The medians of the rounds, in each of which every way has its turn: of processor time, but for the last one."""
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, (shards, workers) in WAYS.items():
            times[way].append(seconds_per_epoch(folder, batch, shards=shards, workers=workers))
    (plain, _), (one, one_wall), (two, two_wall) = (map(median, zip(*times[way], strict=True)) for way in WAYS)
    return f"| {batch:,} | {plain:.2f} s | {one / plain:.2f} | {two / one:.2f} | {two_wall / one_wall:.2f} |"


def seconds_per_epoch(folder: Path, batch: int, *, shards: int | None, workers: int) -> tuple[float, float]:
    """How long the train stage takes from its first epoch's end to its last's, for each: processor and wall-clock time.

    The processor time is that of the first worker.
    """
    settings: Any = read(params.FILE)
    changes = {"batch_size": batch, "shards": shards, "epochs": EPOCHS, "max_steps": None, "device": "cpu"}
    put({f"recipes.{OURS}.{name}": value for name, value in changes.items()}, settings)
    YAML().dump(settings, folder / params.FILE)
    shutil.copyfile(versions.FILE, folder / versions.FILE)
    words = [f"--{split}={split}.parquet" for split in ("train", "valid")]
    words += ["--encoder=encoder.json", *(f"--{name}={name}" for name in ("models", "plots", "cache"))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRAIN_WORKERS": str(workers)}
    start = [sys.executable, "-m", "pipeline.train", OURS, *words]
    with subprocess.Popen(start, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101 (it is a pipe)
        marks = [(processor_seconds(process.pid), time.monotonic()) for shown in process.stdout if " epoch " in shown]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, start)
    processor, wall = ((last - first) / (EPOCHS - 1) for first, last in zip(marks[0], marks[-1], strict=True))
    return processor, wall


def processor_seconds(pid: int) -> float:
    """What a process has had of the processor so far. Source: proc_pid_stat(5)."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]  # after the name
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
