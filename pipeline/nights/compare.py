"""Champion and challenger, compared on tonight's table: what the gate decides, and the record of it."""

import numpy as np
import pyarrow as pa

from pipeline.data.raw_table import Table
from pipeline.data.schema import FEATURES
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.inference.predictions import distinct, predict_or_nan
from pipeline.model.bundle import Bundle
from pipeline.nights.accepted import METRICS
from pipeline.nights.champion import Champion
from pipeline.nights.check import CheckedTable
from pipeline.nights.gate import Comparison, decide
from pipeline.nights.night import Night, recorded_stages
from pipeline.nights.record import Record
from pipeline.nights.report import FAIRNESS
from pipeline.reporting.run_results import read_metrics
from pipeline.repository.dvc_lock import outputs


def compare(night: Night, checked: CheckedTable, *, champion: Champion, challenger: Bundle) -> Record:
    """Let the gate decide between the two, of which the champion is `comparable`; returns the night's record."""
    comparison = compare_on_test_rows(checked.table, champion=champion, challenger=challenger)
    decision = decide(comparison, night.settings.gate, force_reason=night.force_reason)
    return Record(
        date=night.date,
        decision=decision.outcome,
        reason=night.without_local_paths(decision.reason),
        table_md5=checked.fetched.md5,
        settings_md5=night.settings_md5,
        champion_md5=champion.md5,
        challenger_md5=outputs(recorded_stages(night.tree))[night.model],
        drift=checked.drift,
        numbers={**checked.numbers, **decision.numbers, **_fairness(night)},
        histograms=checked.histograms,
    )


def _fairness(night: Night) -> dict[str, float]:
    """How many groups of people the challenger is wrong about beyond the limits, if the pipeline has measured it."""
    try:
        found = read_metrics(night.tree / METRICS, night.settings.recipe).get(f"test_{FAIRNESS}")
    except FileNotFoundError:
        return {}
    return {} if found is None else {FAIRNESS: found}


def comparable(champion: Champion, table: Table) -> Champion:
    """The champion, without its model if that has no finite prediction for each row of the table."""
    predictions = predicted(champion.bundle, table.rows) if champion.bundle else np.empty(0)
    if count := np.count_nonzero(np.isnan(predictions)):
        found = f"it must predict a finite number, found NaN or infinity for {count} of {len(predictions)} rows"
        return Champion(None, champion.md5, found)
    return champion


def compare_on_test_rows(table: Table, *, champion: Champion, challenger: Bundle) -> Comparison:
    """Both models' predictions for tonight's test rows, each with its own encoder, from raw rows."""
    test = table.positions("test")
    rows = table.rows.take(pa.array(test))
    _, groups = distinct(rows.select(list(FEATURES)))
    return Comparison(
        actual=table.target[test],
        challenger=predicted(challenger, rows),
        champion=predicted(champion.bundle, rows) if champion.bundle else None,
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
    Equal rows are predicted once: many of a real table are.
    """
    features = rows.select(list(FEATURES))
    firsts, inverse = distinct(features)
    codes = bundle.encoder.encode(features.take(pa.array(firsts)))
    predictions: np.ndarray = predict_or_nan(bundle, codes).predicted[inverse]
    return predictions


def mse_on(bundle: Bundle, table: Table, positions: np.ndarray) -> float:
    """The mean squared error on these rows of the table. Shape: positions (rows,), one or more."""
    return mean_squared_error(predicted(bundle, table.rows.take(pa.array(positions))), table.target[positions])
