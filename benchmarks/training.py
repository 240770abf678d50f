"""The training loop against its peers: the same networks, rows and optimizer, on one core, taking turns.

`python -m benchmarks.training` prints the tables of docs/speed.md; --picture draws them, too.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks.speed import chart
from benchmarks.speed.contestants import Contestant, TrainingLoop
from pipeline.runtime.arguments import finite, whole
from pipeline.runtime.command import command

TEXTBOOK, CEILING = "textbook", "C by hand"
LOOPS = {
    "Keras on torch": TrainingLoop("frameworks:keras"),
    "Lightning": TrainingLoop("frameworks:lightning"),
    "skorch": TrainingLoop("frameworks:skorch"),
    "Lightning Fabric": TrainingLoop("frameworks:fabric"),
    "scikit-learn": TrainingLoop("frameworks:scikit_learn"),
    TEXTBOOK: TrainingLoop("plain_torch:textbook"),
    "… with two workers": TrainingLoop("plain_torch:workers"),
    "… with batch_size=None": TrainingLoop("plain_torch:whole_batches"),
    "… with torch.compile": TrainingLoop("plain_torch:compiled_network"),
    "indexing, fused Adam": TrainingLoop("plain_torch:indexed"),
    "**ours, eager**": TrainingLoop("plain_torch:eager", pinned=True),
    "**ours, compiled**": TrainingLoop("plain_torch:compiled", pinned=True),
    "numba by hand": TrainingLoop("handwritten_numba:numba"),
    CEILING: TrainingLoop("handwritten_c:c"),
}
NETWORKS = {"course": "course, 4-16-8-1", "64-64": "64-64, 4-64-64-1", "full": "full"}
BATCHES = (4, 64, 256, 1024, 4096)
TITLE = "Steps per second on one core, as multiples of the textbook loop's"


@dataclass(frozen=True)
class Speed:
    """How many times the textbook's speed, in each round, and the wall-clock seconds it took to start."""

    rounds: tuple[float, ...]
    starting: float

    @property
    def median(self) -> float:
        """Of the rounds."""
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """Half the distance between the rounds' quartiles, as a share of the median."""
        low, _, high = quantiles(self.rounds, method="inclusive")
        return (high - low) / 2 / self.median


Speeds = dict[int, Speed | str]  # of a loop: batch size → speed, or why there is none


def main() -> None:
    """Let all loops take turns on every task; print each network's table once it is complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batches", type=whole(1), nargs="*", default=BATCHES)
    parser.add_argument("--rounds", type=whole(1), default=5)
    parser.add_argument("--seconds", type=finite, default=0.3, help="processor time of a turn, at least")
    parser.add_argument("--picture", type=Path, help="SVG file to draw the tables in")
    arguments = parser.parse_args()
    with command("benchmarks.training"):
        panels = {}
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            os.environ |= {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_CACHE_DIR": folder}  # of all processes to come
            contestants = {name: stack.enter_context(closing(Contestant(loop))) for name, loop in LOOPS.items()}
            for network in arguments.networks:
                turns = {"rounds": arguments.rounds, "seconds": arguments.seconds}
                results = {batch: measure_speeds(contestants, network, batch, **turns) for batch in arguments.batches}
                speeds = {name: {batch: result[name] for batch, result in results.items()} for name in LOOPS}
                print(table(NETWORKS[network], speeds), end="\n\n", flush=True)
                panels[NETWORKS[network]] = {name: medians(one) for name, one in speeds.items()}
        if arguments.picture:
            arguments.picture.write_text(chart.to_svg(panels, title=TITLE), encoding="utf-8")


def measure_speeds(
    contestants: Mapping[str, Contestant], network: str, batch: int, *, rounds: int, seconds: float
) -> dict[str, Speed | str]:
    """The speed of each loop on the task, as a multiple of the textbook's in the same round."""
    answers = {name: one.start(network, batch, seconds=seconds) for name, one in contestants.items()}
    ready = [name for name, answer in answers.items() if isinstance(answer, float)]
    times = [{name: contestants[name].turn() for name in ready} for _ in range(rounds)]
    return {
        name: answer
        if isinstance(answer, str)
        else Speed(tuple(turns[TEXTBOOK] / turns[name] for turns in times), starting=answer)
        for name, answer in answers.items()
    }


def medians(speeds: Speeds) -> dict[int, float | str]:
    """A loop's speeds, each as one number."""
    return {batch: speed.median if isinstance(speed, Speed) else speed for batch, speed in speeds.items()}


def table(title: str, speeds: Mapping[str, Speeds]) -> str:
    """The network's table: a row for each loop, then those of ours as shares of the speed of C."""
    batches = list(speeds[TEXTBOOK])
    header = [f"{title}; batch size", *(f"{batch:,}" for batch in batches), "spread", "start"]
    lines = [header, ["---"] * len(header)]
    lines += [[name, *table_row(list(of_loop.values()))] for name, of_loop in speeds.items()]
    for ours in ("**ours, eager**", "**ours, compiled**"):
        shares = [share(speeds[ours][batch], speeds[CEILING][batch]) for batch in batches]
        lines.append([f"{ours.strip('*')}, of {CEILING}", *shares, "", ""])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_row(speeds: Sequence[Speed | str]) -> list[str]:
    """A loop's row of the table: its medians, the largest spread and the longest start, or why there are none."""
    measured = [speed for speed in speeds if isinstance(speed, Speed)]
    if not measured:
        return [str(speeds[0]), *[""] * (len(speeds) + 1)]
    spread, starting = max(speed.spread for speed in measured), max(speed.starting for speed in measured)
    return [*(number(speed.median) for speed in measured), f"{spread:.0%}", f"{starting:.1f} s"]


def share(speed: Speed | str, whole: Speed | str) -> str:
    """One speed as a share of another, if there are both."""
    return f"{speed.median / whole.median:.1%}" if isinstance(speed, Speed) and isinstance(whole, Speed) else ""


def number(speed: float) -> str:
    """A speed as the table shows it.

    >>> number(0.8549), number(41.27), number(1250.0)
    ('0.85', '41', '1,250')
    """
    return f"{speed:.2f}" if speed < 10 else f"{speed:,.0f}"


if __name__ == "__main__":
    main()
