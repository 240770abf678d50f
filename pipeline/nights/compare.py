"""Champion, anchor and challenger, compared on tonight's table: what the gate decides, and the record of it."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipeline.data.raw_table import Table
from pipeline.data.schema import FEATURES, MSE, UNIT
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.inference.predictions import distinct, predict_distinct
from pipeline.model.bundle import Bundle
from pipeline.nights.accepted import METRICS
from pipeline.nights.anchor import Anchor
from pipeline.nights.champion import Champion, find_anchor
from pipeline.nights.check import CheckedTable
from pipeline.nights.gate import CHALLENGER, RIDGE, Comparison, decide, is_best
from pipeline.nights.night import Night, recorded_stages
from pipeline.nights.record import Record
from pipeline.nights.report import FAIRNESS
from pipeline.reporting.run_results import read_metrics
from pipeline.repository.dvc_lock import outputs
from pipeline.runtime.errors import RuleError


def compare(night: Night, checked: CheckedTable, *, champion: Champion, challenger: Bundle) -> Record:
    """Let the gate decide between the two, of which the champion is `comparable`; returns the night's record."""
    anchor, note = _comparable_anchor(night, champion, checked.table)
    comparison = compare_on_test_rows(checked.table, champion=champion, anchor=anchor, challenger=challenger)
    comparison = replace(comparison, ridge_mse=ridge_mse(night))
    decision = decide(comparison, night.settings.gate, force_reason=night.force_reason)
    note += ridge_in_words(decision.numbers)
    challenger_md5 = outputs(recorded_stages(night.tree))[night.model]
    best_md5 = challenger_md5 if is_best(decision) else anchor.md5
    accepted = decision.outcome.accepted
    return Record(
        date=night.date,
        decision=decision.outcome,
        reason=night.without_local_paths(f"{decision.reason}{note}"),
        table_md5=checked.fetched.md5,
        settings_md5=night.settings_md5,
        champion_md5=champion.md5,
        anchor_md5=anchor.md5,
        challenger_md5=challenger_md5,
        drift=checked.drift,
        numbers={**checked.numbers, **decision.numbers, **fairness(night)},
        histograms=checked.histograms,
        reference=checked.next_reference(night) if accepted else None,
        anchor=Anchor(model_md5=best_md5, split=night.prepare.split) if accepted and best_md5 else None,
    )


def told(night: Night, name: str) -> float | None:
    """A metric of the challenger on tonight's test rows, as the pipeline has just written it; None if it has not."""
    try:
        return read_metrics(night.tree / METRICS, night.settings.recipe).get(name)
    except FileNotFoundError:
        return None


def fairness(night: Night) -> dict[str, float]:
    """How many groups of people the challenger is wrong about beyond the limits, if the pipeline has measured it."""
    found = told(night, f"test_{FAIRNESS}")
    return {} if found is None else {FAIRNESS: found}


def _comparable_anchor(night: Night, champion: Champion, table: Table) -> tuple[Champion, str]:
    """The anchor; or the champion in its place, if it cannot be compared, and why, as the end of the reason."""
    anchor = find_anchor(night, champion)
    if anchor is champion:
        return champion, ""
    anchor = comparable(anchor, table)
    if anchor.bundle:
        return anchor, ""
    return champion, f"; the champion is the anchor, as the one before cannot be compared: {anchor.incomparable}"


def ridge_mse(night: Night) -> float | None:
    """Ridge regression's mean squared error, as the pipeline has told it; None if it has not.

    Raises: RuleError if it is unknown, but has a limit.
    """
    name = f"test_ridge_{MSE}"
    found = told(night, name)
    if found is None and night.settings.gate.max_over_ridge is not None:
        file = f"{METRICS}/details/{night.settings.recipe}.json"
        fix = "set nightly.gate.max_over_ridge to null, or let the pipeline write it"
        raise RuleError(file, rule=f"must have {name}, which has a limit", found="none", fix=fix)
    return found


def ridge_in_words(numbers: Mapping[str, float]) -> str:
    """The end of a reason, if ridge regression is better than the challenger."""
    if RIDGE not in numbers or numbers[RIDGE] >= numbers.get(CHALLENGER, 0.0):
        return ""
    return f"; ridge regression is better: RMSE {math.sqrt(numbers[RIDGE]):,.0f} {UNIT}"


def comparable(champion: Champion, table: Table) -> Champion:
    """The champion, without its model if that has no finite prediction for each row of the table."""
    predictions = predicted(champion.bundle, table.rows) if champion.bundle else np.empty(0)
    if count := np.count_nonzero(np.isnan(predictions)):
        found = f"it must predict a finite number, found NaN or infinity for {count} of {len(predictions)} rows"
        return Champion(None, champion.md5, found)
    return champion


def compare_on_test_rows(table: Table, *, champion: Champion, anchor: Champion, challenger: Bundle) -> Comparison:
    """The models' predictions for tonight's test rows, each with its own encoder, from raw rows."""
    test = table.positions("test")
    rows = table.rows.take(pa.array(test))
    _, groups = distinct(rows.select(list(FEATURES)))
    return Comparison(
        actual=table.target[test],
        challenger=predicted(challenger, rows),
        champion=predicted(champion.bundle, rows) if champion.bundle else None,
        anchor=predicted(anchor.bundle, rows) if anchor.bundle and anchor.md5 != champion.md5 else None,
        groups=groups,
        slices={
            name: (rows[name].indices.to_numpy(), rows[name].dictionary.cast("string").to_pylist()) for name in FEATURES
        },
        train_mean=float(table.target[table.positions("train")].mean()),
        incomparable=champion.incomparable,
    )


def predicted(bundle: Bundle, rows: pa.RecordBatch) -> np.ndarray:
    """The predictions for clean rows, in the target's unit; NaN where the network's output is not finite.

    Shape: (rows,).
    """
    found, combinations = predict_distinct(bundle, rows)
    predictions: np.ndarray = found.predicted[combinations]
    return predictions


def mse_on(bundle: Bundle, table: Table, positions: np.ndarray) -> float:
    """The mean squared error on these rows of the table. Shape: positions (rows,), one or more."""
    return mean_squared_error(predicted(bundle, table.rows.take(pa.array(positions))), table.target[positions])
