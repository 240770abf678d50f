"""Explain one prediction: the row as it came, its codes, the predicted salary, and each feature's share in it."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.data.csv_blocks import Block
from pipeline.data.csv_header import check_features
from pipeline.data.csv_rows import TYPES, Parsed
from pipeline.data.encoding import TITLE, WORDS, title_words
from pipeline.data.schema import FEATURES, NUMBERS, requirement
from pipeline.data.validate import judge
from pipeline.inference.score import Predictions, clean_rows, predict
from pipeline.inference.shapley import coalition_worths, shapley_values, whole
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS

EXAMPLE = '{"work_year": 2023, "experience_level": "SE", …}'


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, print the explanation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--row", required=True, help=f"the row's features as a JSON object: {EXAMPLE}")
    arguments = parser.parse_args(argv)
    try:
        row = read_row(arguments.row)
        bundle = Bundle.load(arguments.model)
    except (OSError, ValueError) as error:
        sys.exit(f"explain: {error}")
    print(report(bundle, row))


def read_row(text: str) -> pa.RecordBatch:
    """The features of a JSON object, checked against the data contract; other keys are ignored.

    Raises: ValueError if this is no JSON object, lacks a feature, or breaks the contract.
    """
    try:
        values = json.loads(text, object_pairs_hook=_once)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--row must be a JSON object such as {EXAMPLE}, found {text[:60]!r}: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"--row must be a JSON object such as {EXAMPLE}, found {text[:60]!r}")
    check_features(list(values), where="--row")
    if wrong := [name for name in FEATURES if name not in NUMBERS and not isinstance(values[name], str)]:
        found = "; ".join(f"{name}: {json.dumps(values[name])}" for name in wrong)
        raise ValueError(f"--row must give {', '.join(wrong)} as text in double quotes, found {found[:100]}")
    cells = {name: values[name] if isinstance(values[name], str) else json.dumps(values[name]) for name in FEATURES}
    row = pa.record_batch({name: pa.array([cell]).cast(TYPES[name]) for name, cell in cells.items()})
    parsed = Parsed(Block(1, b""), row, lines=np.array([1]), problems=np.zeros(1, np.int8), fields=len(FEATURES))
    verdict = judge(parsed, FEATURES)
    if verdict.bad_values:
        broken = (f"{requirement(name)}, found {cells[name]!r}" for name in verdict.bad_values)
        raise ValueError(f"--row: {'; '.join(broken)}")
    return clean_rows(parsed, verdict)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dictionary. Raises: ValueError if a key is given twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("each key must be given once")
    return values


def shares(bundle: Bundle, predictions: Predictions) -> tuple[float, dict[str, float]]:
    """The average prediction of the background, and by how much each feature moves this one from it, in US dollars.

    Shape: predictions of one row.
    """
    features, read = bundle.recipe.features, bundle.network.columns
    columns = {TITLE: (TITLE, *WORDS)}
    worths = coalition_worths(
        lambda codes: bundle.encoder.scaling.denormalise(bundle.predict(codes)),
        predictions.codes,
        bundle.background,
        players=[[name for name in columns.get(feature, (feature,)) if name in read] for feature in features],
    )
    return float(worths[0]), dict(zip(features, shapley_values(worths).tolist(), strict=True))


def report(bundle: Bundle, row: pa.RecordBatch) -> str:
    """The explanation of one row as text, in whole US dollars that add up."""
    predictions = predict(bundle, row)
    average, moves = shares(bundle, predictions)
    start, end = round(average), round(predictions.dollars.item())
    dollars = dict(zip(moves, whole(np.array(list(moves.values())), total=end - start).tolist(), strict=True))
    lines = [("", "value", "US dollars", "code")]
    lines += [(f"average of {len(next(iter(bundle.background.values())))} training rows", "", f"{start:,}", "")]
    for name in FEATURES:
        value, share = row[name][0].as_py(), f"{dollars[name]:+,}" if name in dollars else "not read"
        lines += [(name, str(value), share, _code(name, value, predictions.codes))]
    lines += [("prediction", "", f"{end:,}", "")]
    for percent in PERCENTS:
        low, high = (round(predictions.intervals[f"{side}_{percent}_usd"].item()) for side in ("low", "high"))
        lines += [(f"{percent} % interval", "", f"{low:,} to {high:,}", "")]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in lines)


def _code(name: str, value: object, codes: Mapping[str, np.ndarray]) -> str:
    """The value's code; of a title, those of its words, too."""
    shown = {column: str(code.item() or "unknown") for column, code in codes.items()}
    if name != TITLE:
        return shown[name]
    words = (f"{word} {shown[slot]}" for word, slot in zip(title_words(str(value)), WORDS, strict=False))
    return f"{shown[name]} ({', '.join(words)})"


if __name__ == "__main__":
    main()
