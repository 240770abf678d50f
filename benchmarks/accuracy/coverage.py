"""How often a model's intervals hold on the rows to come, as a Markdown table."""

from collections.abc import Mapping

import numpy as np

from pipeline.backtest.forward import CutOff
from pipeline.data.schema import GROUP, TARGET
from pipeline.evaluation.bootstrap import interval, redrawn
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS

MIN_ROWS = 30  # of a level, else its share says nothing


def coverage(bundle: Bundle, cut_off: CutOff, *, cells: np.ndarray) -> dict[str, float | str]:
    """The shares of the future rows inside the intervals, in per cent; by level, the least and the most.

    In brackets stand the ends of a 95 % bootstrap interval, which draws the cells. Shape: cells (rows,).
    """
    rows = cut_off.future
    codes, actual = bundle.encoder.encode(rows), rows[TARGET].to_numpy()
    prediction, levels = bundle.predict(codes), np.array(rows[GROUP].to_pylist())
    shares: dict[str, float | str] = {}
    for percent in PERCENTS:
        low, high = bundle.interval(prediction, codes, percent=percent)
        inside = (low <= actual) & (actual <= high)  # (rows,)
        by_level = [inside[levels == level] for level in np.unique(levels)]
        of_levels = [100 * hits.mean() for hits in by_level if len(hits) >= MIN_ROWS]
        sums = np.stack([np.bincount(cells, inside), np.bincount(cells)], axis=1).astype(np.float64)  # (cells, 2)
        draws = redrawn(sums, rng=np.random.default_rng(0))
        (below, above) = interval(100 * draws[:, 0] / draws[:, 1])
        shares[f"{percent} %"] = 100 * float(inside.mean())
        shares[f"{percent} %, by chance"] = f"{below:.0f} to {above:.0f}"
        shares[f"{percent} %, by level"] = f"{min(of_levels):.0f} to {max(of_levels):.0f}"
    return shares


def coverage_table(shares: Mapping[str, Mapping[str, float | str]]) -> str:
    """A column for each cut-off, and one for the mean of those that are numbers."""
    names = [*next(iter(shares.values()))]
    lines = [["rows inside the interval, %", *shares, "mean"], ["---"] * (len(shares) + 2)]
    for name in names:
        found = [of_date[name] for of_date in shares.values()]
        numbers = [share for share in found if isinstance(share, float)]
        shown = [f"{share:.1f}" if isinstance(share, float) else share for share in found]
        lines.append([name, *shown, f"{np.mean(numbers):.1f}" if numbers else ""])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
