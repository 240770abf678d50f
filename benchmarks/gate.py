"""What the gate can see: `python -m benchmarks.gate TABLE`.

A model is trained on the table's training rows, and is the champion. Its errors on the test rows, drawn anew every
night, are the market, with the tails that real errors have. The challenger's predictions stray from the champion's by
so much that its mean squared error is the stated share higher. Prints the table of docs/nights.md: how often such a
challenger is promoted all the same. Slices and the anchor, which keep out some more, are left aside.
"""

import argparse
import contextlib
import sys
from pathlib import Path

import numpy as np

from benchmarks.alarms import drawn, expected_of, rows_by_group
from pipeline import params
from pipeline.nights.gate import share_worse
from pipeline.nights.new_rows import Expected
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command

TEST_ROWS = (100, 300, 800, 2500)
WORSE = (0.0, 0.02, 0.05, 0.1, 0.2)
OWN = 0.006  # of the MSE, by which models of successive weeks stray from what they have in common: the real tables'


def main() -> None:
    """Simulate nights of each kind, print a row for each error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="a raw table")
    parser.add_argument("--nights", type=whole(1), default=1000, help="of each kind")
    arguments = parser.parse_args()
    with command("benchmarks.gate"), contextlib.redirect_stdout(sys.stderr):
        market, gate = expected_of(arguments.table), params.load(params.Nightly, "nightly").gate
        found = {
            worse: [promoted(market, gate, rows=rows, worse=worse, nights=arguments.nights) for rows in TEST_ROWS]
            for worse in WORSE
        }
    print(f"| higher by | {' | '.join(f'{rows:,} test rows' for rows in TEST_ROWS)} |")
    print("|---" * (len(TEST_ROWS) + 1) + "|")
    for worse, shares in found.items():
        print(f"| {100 * worse:.0f} % | {' | '.join(f'{100 * share:.0f} %' for share in shares)} |")


def promoted(market: Expected, gate: params.Gate, *, rows: int, worse: float, nights: int) -> float:
    """The share of nights in which a challenger is promoted whose MSE is so much higher than the champion's."""
    rng, of_group, kept = np.random.default_rng(0), rows_by_group(market), 0
    draws = round(rows * len(of_group) / len(market.actual))
    mse = float(np.square(market.predicted - market.actual).mean())
    for _ in range(nights):
        came = drawn(market, of_group, draws, rng)
        theirs, ours = (
            np.square(came.predicted - came.actual + rng.normal(0, (share * mse) ** 0.5, draws)[came.groups])
            for share in (OWN, OWN + worse * (1 + OWN))
        )
        kept += share_worse(ours, theirs, groups=came.groups, tolerance=gate.tolerance) >= gate.confidence
    return 1 - kept / nights


if __name__ == "__main__":
    main()
