"""What a tuning tells, as Markdown: whether other settings are better, beyond chance or not, and each trial's error."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.backtest.error_ratio import Ratio, error_ratio
from pipeline.backtest.space import Settings
from pipeline.backtest.trials import AS_IS, Scored
from pipeline.backtest.tuning import SEEDS, Tuned, mean_ratios
from pipeline.data.schema import UNIT
from pipeline.reporting.markdown import table

NOTE = (
    "Each number is a trial's mean squared error on the rows that the next snapshots add, as a multiple of that of the"
    " recipe as it is, so below 1 is better. All is the geometric mean of the dates before it. In brackets stands the"
    " 95 % interval of a paired bootstrap. On a date that is held out, errors are means over several seeds."
)


def report(tuned: Tuned, recipe: str) -> str:
    """The verdict, and below it a table of the trials, the best first."""
    rows = [_header(tuned), *_as_it_is(tuned), *_trials(tuned)]
    return "\n\n".join([f"# Tuning {recipe}", *verdict(tuned), NOTE, table(rows, align="left")]) + "\n"


def verdict(tuned: Tuned) -> list[str]:
    """Whether to take the best trial's settings, in sentences."""
    others, dates = len(tuned.trials) - 1, len(tuned.chosen_by)
    if tuned.held_out is None:
        return [f"Keep the recipe as it is: none of {others} trials has a smaller error on the {dates} dates."]
    chosen = error_ratio([cut_off.against_as_is(tuned.best) for cut_off in tuned.chosen_by])
    last = error_ratio([tuned.held_out.against_as_is(tuned.best)])
    advice = "Its settings are worth taking" if last.smaller else "Its settings are not shown to be worth taking"
    return [
        f"Trial {tuned.best} is the best of {others}: on the {dates} dates that it was chosen by, it has"
        f" {chosen} times the error of the recipe as it is, {_chance(chosen)}. As the best of {others} it looks"
        " better there than it is.",
        f"On {tuned.held_out.date}, which no trial was chosen by and which was looked at once, it has {last}"
        f" times the error in the mean over {SEEDS} seeds, {_chance(last)}. {advice}.",
    ]


def _chance(ratio: Ratio) -> str:
    return "beyond chance" if ratio.smaller or ratio.larger else "within chance"


def _header(tuned: Tuned) -> list[str]:
    held_out = [f"{tuned.held_out.date}, held out"] if tuned.held_out else []
    return ["trial", "settings", *(str(cut_off.date) for cut_off in tuned.chosen_by), "all", *held_out]


def _as_it_is(tuned: Tuned) -> Iterator[list[str]]:
    """What the multiples are of: the rows, and the error of the recipe as it is."""
    columns: list[Scored | None] = [*tuned.chosen_by, None, *([tuned.held_out] if tuned.held_out else [])]
    yield ["", "rows to train on", *(f"{column.train_rows:,}" if column else "" for column in columns)]
    yield ["", "rows to score on", *(f"{len(column.cells):,}" if column else "" for column in columns)]
    yield ["", f"RMSE as it is, {UNIT}", *(f"{_rmse(column):,.0f}" if column else "" for column in columns)]


def _rmse(cut_off: Scored) -> float:
    return math.sqrt(cut_off.errors[AS_IS].mean())


def _trials(tuned: Tuned) -> Iterator[list[str]]:
    means = mean_ratios(tuned.chosen_by)
    features = tuned.trials[AS_IS].recipe.features
    for number in sorted(means, key=means.__getitem__):
        each = [cut_off.against_as_is(number) for cut_off in tuned.chosen_by]
        shown = [*(f"{pair.ratio:.3f}" for pair in each), str(error_ratio(each))]
        if tuned.held_out:
            looked_at = number in tuned.held_out.errors
            shown.append(str(error_ratio([tuned.held_out.against_as_is(number)])) if looked_at else "")
        yield [str(number), _settings(tuned.trials[number].changes, features), *shown]


def _settings(changes: Settings, features: Sequence[str]) -> str:
    """The settings, such as `dropout 0.2, without a_feature`."""
    return ", ".join(_setting(path, value, features) for path, value in changes.items()) or "as it is"


def _setting(path: str, value: Any, features: Sequence[str]) -> str:  # noqa: ANN401 (what YAML holds)
    if path != "features":
        return f"{path.rpartition('.')[2]} {value}"
    gone, come = ([name for name in one if name not in other] for one, other in ((features, value), (value, features)))
    return f"without {', '.join(gone)}" if gone else f"with {', '.join(come)}"
