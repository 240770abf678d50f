"""Each stage on tables of growing size, with the recipe `full`: how time and memory grow with the rows.

`python -m benchmarks.scaling [ROWS ...]` prints a table of docs/speed.md, and with `--workers 2` the other one: there
Dask's workers prepare, and as many train in eight shards; evaluate knows none.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from benchmarks.speed.measure import Run, in_turn, run
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command

SIZES = (1_000_000, 10_000_000)
ROOT = Path(__file__).parent.parent
RAW, PREPARED = Path("data/raw/salaries.csv"), "data/prepared"
STAGES = {
    "prepare": f"--out {PREPARED} --metrics metrics/prepare.json --report data/contract-report.txt",
    "train": f"full --train {PREPARED}/train.parquet --valid {PREPARED}/valid.parquet --encoder {PREPARED}/encoder.json"
    " --models models --plots metrics/plots --cache .cache",
    "evaluate": f"full --models models --prepared {PREPARED} --metrics metrics --plots metrics/plots"
    " --cards metrics/cards",
}
"""What dvc.yaml has behind `python -m pipeline.<stage>`."""


def main() -> None:
    """Make the tables, run the stages one after the other, print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=whole(1), nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=whole(1), default=3)
    parser.add_argument("--workers", type=whole(1), help="processes that prepare and train")
    arguments = parser.parse_args()
    with command("benchmarks.scaling"):
        names = [name for stage in STAGES for name in (stage, "peak memory")]
        for cells in (["rows", *names], ["---"] * (1 + len(names))):
            print(f"| {' | '.join(cells)} |")
        for rows in arguments.rows:
            print(line(rows, measured(rows, rounds=arguments.rounds, workers=arguments.workers)), flush=True)


def measured(rows: int, *, rounds: int, workers: int | None) -> dict[str, Run]:
    """The medians of each stage on a sample of so many rows, in a folder of its own."""
    os.environ["PYTHONPATH"] = str(ROOT)  # of all processes to come
    if workers:
        os.environ |= {"DASK_SCHEDULER_ADDRESS": f"local:{workers}", "TRAIN_WORKERS": str(workers)}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shutil.copy(ROOT / "versions.json", folder)
        settings = (ROOT / "params.yaml").read_text(encoding="utf-8")
        others, full, rest = settings.partition("\n  full:\n")
        if workers:
            rest, count = re.subn(r"(?m)^    shards:.*$", "    shards: 8", rest)
            assert count == 1, "the recipe must have shards"  # noqa: S101
        Path("params.yaml").write_text(others + full + rest, encoding="utf-8")
        RAW.parent.mkdir(parents=True)
        run([sys.executable, "-m", "pipeline.sample", "--rows", str(rows), "--seed", "1", "--out", str(RAW)])
        stages = {stage: [sys.executable, "-m", f"pipeline.{stage}", *given.split()] for stage, given in STAGES.items()}
        return in_turn(stages, rounds=rounds)


def line(rows: int, runs: dict[str, Run]) -> str:
    """One row: processor time, in brackets that on the clock, and the peak memory of the largest process."""
    times = (f"{one.cpu:.0f} s ({one.wall:.0f} s)" for one in runs.values())
    figures = [cell for time, one in zip(times, runs.values(), strict=True) for cell in (time, f"{one.memory:.0f} MB")]
    return f"| {rows:,} | {' | '.join(figures)} |"


if __name__ == "__main__":
    main()
