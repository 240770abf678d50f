"""How often nights warn although nothing has changed: `python -m benchmarks.alarms TABLE`.

A model is trained on the table's training rows. Its test rows, which it has not seen, are the market. Night after night
rows are drawn from them, the bias of the model taken out, and measured as a night measures its new rows. Prints the
table of docs/nights.md.
"""

import argparse
import contextlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from pipeline import params
from pipeline.data.raw_table import read_table
from pipeline.nights.drift import exceeding
from pipeline.nights.new_rows import Expected, bias, of_what_was_expected
from pipeline.runtime.arguments import whole
from pipeline.runtime.command import command
from pipeline.tune import prepare_in, train_in

DRAWS = (50, 100, 200, 500)  # of groups of equal rows, a night


def main() -> None:
    """Simulate nights of each size, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="a raw table")
    parser.add_argument("--nights", type=whole(1), default=5000, help="of each size")
    arguments = parser.parse_args()
    with command("benchmarks.alarms"), contextlib.redirect_stdout(sys.stderr):
        market = unbiased(expected_of(arguments.table))
        limits = params.load(params.Nightly, "nightly").drift
        found = {draws: alarms(market, limits, draws=draws, nights=arguments.nights) for draws in DRAWS}
    names = [name for name in params.DriftLimits.model_fields if any(counts[name] for counts in found.values())]
    print(f"| groups of rows a night | {' | '.join(names)} | nights until a false alarm |")
    print("|---" * (len(names) + 2) + "|")
    for draws, counts in found.items():
        shares = [f"{counts[name] / arguments.nights:.2%}" for name in names]
        wait = f"{arguments.nights / counts['any']:,.0f}" if counts["any"] else f"over {arguments.nights:,}"
        print(f"| {draws} | {' | '.join([*shares, wait])} |")


def expected_of(table: Path) -> Expected:
    """The table's test rows, and what `full`, trained on its other rows, expects of them."""
    settings = params.load(params.Prepare, "prepare")
    with tempfile.TemporaryDirectory() as folder:
        prepare_in(Path(folder), table, settings=settings)
        bundle = train_in(Path(folder), params.load(params.Recipe, "recipes", "full"))
    read = read_table(table, settings=settings)
    return Expected.of(bundle, read, read.positions("test"))


def unbiased(rows: Expected) -> Expected:
    """The rows, as if the model were right on average."""
    predicted = rows.predicted + (rows.actual - rows.predicted).mean()
    return Expected(rows.actual, predicted, rows.inside, rows.groups)


def alarms(market: Expected, limits: params.Drift, *, draws: int, nights: int) -> Counter[str]:
    """How many nights warn by each measure, and by any."""
    rng, counts, earlier = np.random.default_rng(0), Counter[str](), list[float]()
    of_group = rows_by_group(market)
    for _ in range(nights):
        came = drawn(market, of_group, draws, rng)
        measures = of_what_was_expected(
            came,
            market,
            confidence=limits.confidence,
            earlier_bias=earlier[-100:],
            most=limits.warn.bias_over_nights,
        )
        beyond = {measure.name for measure in exceeding([*measures], limits.warn)}
        counts.update([*beyond, *(["any"] if beyond else [])])
        share, deviation = bias(came)
        earlier.append(share / deviation)
    return counts


def rows_by_group(market: Expected) -> list[np.ndarray]:
    """The positions of each group's rows. Shape: each (rows of the group,)."""
    order = np.argsort(market.groups, kind="stable")
    return np.split(order, np.cumsum(np.bincount(market.groups))[:-1])


def drawn(market: Expected, of_group: list[np.ndarray], draws: int, rng: np.random.Generator) -> Expected:
    """A night's rows: whole groups, drawn with replacement, each draw a group of its own."""
    chosen = [of_group[number] for number in rng.integers(len(of_group), size=draws)]
    rows, groups = np.concatenate(chosen), np.repeat(np.arange(draws), [len(part) for part in chosen])
    return Expected(market.actual[rows], market.predicted[rows], market.inside[rows], groups)


if __name__ == "__main__":
    main()
