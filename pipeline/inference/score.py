"""A block of lines → an answer to each: the predicted salary and its intervals, or why there is none.

Many lines share their features, so each distinct combination of a block is encoded and predicted once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.data.csv_rows import Parsed, split_lines, text_of
from pipeline.data.encoding import UNKNOWN
from pipeline.data.schema import FEATURES
from pipeline.data.validate import Verdict, judge
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS

INTERVALS = tuple(f"{end}_{percent}_usd" for percent in PERCENTS for end in ("low", "high"))
ANSWERS = pa.schema(
    [(name, pa.int64()) for name in ("predicted_salary_usd", *INTERVALS)]
    + [(name, pa.string()) for name in ("unknown_features", "problem")]
)
"""Whole US dollars; the features whose value has no code; and why there is no prediction, where there is none."""


@dataclass(frozen=True)
class Predictions:
    """What a model says to some rows.

    Shape: codes by column, normalised float32 as the network gives it, dollars and the intervals' ends by name float64,
    each (rows,).
    """

    codes: Mapping[str, np.ndarray]
    normalised: np.ndarray
    dollars: np.ndarray
    intervals: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Scored:
    """A block's lines and their answers. Shape: answers (distinct ones,), `ANSWERS`; which (lines,) positions in it."""

    parsed: Parsed
    answers: pa.Table
    which: np.ndarray


def score(bundle: Bundle, parsed: Parsed) -> Scored:
    """An answer to every line of the block."""
    verdict = judge(parsed, FEATURES)
    fine = verdict.reasons[parsed.places] == 0
    firsts, which_row = distinct(rows := clean_rows(parsed, verdict).filter(pa.array(fine)))
    predictions = predict(bundle, rows.take(pa.array(firsts)))
    broken, problems = _problems(parsed, verdict)
    which = np.empty(len(verdict.reasons), np.int64)
    which[parsed.places[fine]] = which_row
    which[broken] = len(firsts) + problems.indices.to_numpy()
    answers = [_answers(predictions, bundle.recipe.features), pa.table({"problem": problems.dictionary})]
    return Scored(parsed, pa.concat_tables(answers, promote_options="default"), which)


def clean_rows(parsed: Parsed, verdict: Verdict) -> pa.RecordBatch:
    """The rows' features in the contract's types; null where a number is none."""
    columns = {name: (parsed.rows[name].indices, verdict.typed[name]) for name in FEATURES}
    return pa.record_batch(
        {name: pa.DictionaryArray.from_arrays(*column, safe=False) for name, column in columns.items()}
    )


def distinct(rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each combination of values, and which combination each row has.

    Shape: rows of dictionary columns; returns (combinations,) positions of rows and (rows,) positions of combinations.

    >>> letters = pa.array(["a", "b", "a", "b"]).dictionary_encode()
    >>> firsts, which = distinct(pa.record_batch({"letter": letters, "other": letters}))
    >>> firsts.tolist(), which.tolist()
    ([0, 1], [0, 1, 0, 1])
    """
    keys, count = np.zeros(rows.num_rows, np.int64), 1
    for column in rows.columns:
        if count * len(column.dictionary) > np.iinfo(np.int64).max:
            keys, count = _numbered(keys), max(rows.num_rows, 1)
        keys = keys * len(column.dictionary) + column.indices.to_numpy()
        count *= len(column.dictionary)
    which = _numbered(keys)
    firsts = np.zeros(which.max(initial=-1) + 1, np.int64)
    firsts[which[::-1]] = np.arange(len(which))[::-1]  # of several writes to one place the last stays
    return firsts, which


def _numbered(keys: np.ndarray) -> np.ndarray:
    """Each key's number in the order of first appearance; a hash table does in a tenth of the time of np.unique."""
    numbers: np.ndarray = pa.array(keys).dictionary_encode().indices.to_numpy()
    return numbers


def predict(bundle: Bundle, rows: pa.RecordBatch) -> Predictions:
    """What the model says to clean rows."""
    codes = bundle.encoder.encode(rows)
    normalised = bundle.predict(codes)
    dollars = bundle.encoder.scaling.denormalise(normalised)
    ends = (end for percent in PERCENTS for end in bundle.interval(dollars, codes, percent=percent))
    return Predictions(codes, normalised, dollars, dict(zip(INTERVALS, ends, strict=True)))


def _answers(predictions: Predictions, features: Sequence[str]) -> pa.Table:
    amounts = {"predicted_salary_usd": predictions.dollars, **predictions.intervals}
    flags = sum((predictions.codes[name] == UNKNOWN).astype(np.int64) << bit for bit, name in enumerate(features))
    sets, which = np.unique(flags, return_inverse=True)
    names = [" ".join(name for bit, name in enumerate(features) if found >> bit & 1) for found in sets.tolist()]
    columns = [pa.array(np.rint(amount).astype(np.int64)) for amount in amounts.values()]
    columns += [pa.array(names, pa.string()).take(pa.array(which)), pa.nulls(len(which), pa.string())]
    return pa.Table.from_arrays(columns, schema=ANSWERS)


def _problems(parsed: Parsed, verdict: Verdict) -> tuple[np.ndarray, pa.DictionaryArray]:
    """The places of the lines without a prediction, and why; of a line that is no row, the line itself, too."""
    places = np.flatnonzero(verdict.reasons)
    lines = split_lines(parsed.block.text) if parsed.problems.any() else []
    texts = [
        verdict.text(int(verdict.reasons[place])) + (f"; found {text_of(lines[place])!r}" if is_no_row else "")
        for place, is_no_row in zip(places.tolist(), (parsed.problems[places] > 0).tolist(), strict=True)
    ]
    return places, pa.array(texts, pa.string()).dictionary_encode()
