"""How often a model's intervals hold on the rows to come, as a Markdown table."""

from collections.abc import Mapping

import numpy as np

from pipeline.backtest.forward import CutOff
from pipeline.data.schema import GROUP, TARGET
from pipeline.evaluation.bootstrap import interval, redrawn
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS

MIN_ROWS = 30  # of a level, else its share says nothing
OFF = 6  # points between a level's share and what the intervals say


def coverage(bundle: Bundle, cut_off: CutOff, *, cells: np.ndarray) -> dict[str, float | str]:
    """The shares of the future rows inside the intervals, in per cent; by level, the least and the most.

    By chance stand the ends of a 95 % bootstrap interval, which draws the cells. Then how many levels are further off
    than OFF points, and how many would be by chance if the intervals were right. Shape: cells (rows,).
    """
    rows = cut_off.future
    codes, actual = bundle.encoder.encode(rows), rows[TARGET].to_numpy()
    prediction, levels = bundle.predict(codes), np.array(rows[GROUP].to_pylist())
    large = [levels == level for level in np.unique(levels) if np.count_nonzero(levels == level) >= MIN_ROWS]
    shares: dict[str, float | str] = {}
    for percent in PERCENTS:
        low, high = bundle.interval(prediction, codes, percent=percent)
        inside = (low <= actual) & (actual <= high)  # (rows,)
        of_levels = np.array([100 * inside[level].mean() for level in large])
        (below, above) = interval(_redrawn_shares(inside, cells))
        draws = [_redrawn_shares(inside[level], cells[level]) for level in large]
        expected = sum((np.abs(of_level - of_level.mean()) > OFF).mean() for of_level in draws)
        off = np.count_nonzero(np.abs(of_levels - percent) > OFF)
        shares[f"{percent} %"] = 100 * float(inside.mean())
        shares[f"{percent} %, by chance"] = f"{below:.0f} to {above:.0f}"
        shares[f"{percent} %, by level"] = f"{of_levels.min():.0f} to {of_levels.max():.0f}"
        shares[f"{percent} %, levels off by over {OFF}"] = f"{off} of {len(large)} (by chance {expected:.1f})"
    return shares


def _redrawn_shares(inside: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """What the share, in per cent, might have been, had other cells come. Shape: both (rows,); returns (ROUNDS,)."""
    _, numbers = np.unique(cells, return_inverse=True)
    sums = np.stack([np.bincount(numbers, inside), np.bincount(numbers)], axis=1).astype(np.float64)  # (cells, 2)
    draws = redrawn(sums, rng=np.random.default_rng(0))
    share: np.ndarray = 100 * draws[:, 0] / draws[:, 1]
    return share


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
