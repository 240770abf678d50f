"""A block of records → an answer to each: the prediction and its intervals, or why there is none.

Many of them share their features, so each distinct combination of a block is encoded and predicted once.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.clean import CheckedBlock, check_block, check_rows, joined_where
from pipeline.data.csv_rows import Parsed
from pipeline.data.encoding import UNKNOWN
from pipeline.data.schema import FEATURES, NOUN, in_unit
from pipeline.inference.predictions import FINITE, distinct, predict_or_nan
from pipeline.model.bundle import FIX, Bundle
from pipeline.model.intervals import PERCENTS

AMOUNTS = (f"predicted_{NOUN}", *(f"{end}_{percent}" for percent in PERCENTS for end in ("low", "high")))
UNCALIBRATED, UNKNOWN_FEATURES, PROBLEM = "uncalibrated_intervals", "unknown_features", "problem"
NOT_FINITE = f"{FINITE}, found NaN or infinity; {FIX}"
ANSWERS = pa.schema(
    [(in_unit(name), pa.int64()) for name in AMOUNTS]
    + [(name, pa.string()) for name in (UNCALIBRATED, UNKNOWN_FEATURES, PROBLEM)]
)
"""Whole numbers of the target's unit; the percents of the intervals that the validation rows were too few for; the
features whose value has no code; and why there is no prediction."""


@dataclass(frozen=True)
class Answers:
    """A block's records and the answers to them."""

    parsed: Parsed
    distinct: pa.Table  # (distinct answers,), of the columns `ANSWERS`
    inverse: np.ndarray  # (records,) the position of each one's answer in `distinct`


def answer(bundle: Bundle, parsed: Parsed) -> Answers:
    """An answer to every record of the block."""
    checked = check_block(parsed, FEATURES)
    return Answers(parsed, *_answers(bundle, checked, _problems(parsed, checked)))


def answer_rows(bundle: Bundle, text: pa.RecordBatch) -> pa.Table:
    """An answer to every row of text, of the columns `ANSWERS`. Shape: text (rows,) as `validate` reads it."""
    checked = check_rows(text)
    answers, inverse = _answers(bundle, checked, checked.reasons)
    return answers.take(pa.array(inverse))


def _answers(bundle: Bundle, checked: CheckedBlock, problems: pa.Array) -> tuple[pa.Table, np.ndarray]:
    """The distinct answers, and the position among them of each record's. Shape: problems (broken records,)."""
    firsts, combinations = distinct(checked.rows)
    told = problems.dictionary_encode()
    inverse = np.empty(len(checked.kept) + len(checked.broken), np.int64)  # (records,)
    inverse[checked.kept] = combinations
    inverse[checked.broken] = len(firsts) + told.indices.to_numpy()  # the problems stand behind the predictions
    tables = [_predicted(bundle, checked.rows.take(pa.array(firsts))), pa.table({PROBLEM: told.dictionary})]
    return pa.concat_tables(tables, promote_options="default"), inverse


def _predicted(bundle: Bundle, rows: pa.RecordBatch) -> pa.Table:
    """The answers to rows that keep the contract. Shape: (rows,)."""
    codes, features = bundle.encoder.encode(rows), bundle.recipe.features
    found = predict_or_nan(bundle, codes)
    is_known = np.isfinite(found.predicted)  # (rows,)
    amounts = [found.predicted, *(end for percent in PERCENTS for end in found.intervals[percent])]
    is_unknown = np.array([codes[name] == UNKNOWN for name in features])  # (features, rows)
    columns = [pa.array(np.rint(np.where(is_known, amount, 0)).astype(np.int64)) for amount in amounts]
    columns += [pa.repeat(" ".join(map(str, bundle.intervals.uncalibrated)), rows.num_rows)]
    columns += [joined_where(is_unknown, features, separator=" ")]
    columns = [pc.if_else(pa.array(is_known), column, None) for column in columns]
    columns += [pc.if_else(pa.array(is_known), None, NOT_FINITE)]
    return pa.Table.from_arrays(columns, schema=ANSWERS)


def _problems(parsed: Parsed, checked: CheckedBlock) -> pa.Array:
    """Why each broken record has no prediction, with the record itself if it is no row. Shape: (broken records,)."""
    if not checked.no_rows:
        return checked.reasons
    spans = parsed.spans(checked.broken)
    texts = [
        f"{reason}; found {parsed.record(position)!r} in {span}" if parsed.problems[position] else reason
        for position, reason, span in zip(checked.broken.tolist(), checked.reasons.to_pylist(), spans, strict=True)
    ]
    return pa.array(texts, pa.string())
