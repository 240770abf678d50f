"""Explain one prediction: the row as it came, its codes, the prediction, and how much each feature contributes."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.csv_header import check_columns
from pipeline.data.csv_rows import TYPES
from pipeline.data.encoder_fields import words_of
from pipeline.data.schema import FEATURES, NUMBERS, TEXT, UNIT_NAME, WORDS, columns_of, requirement
from pipeline.data.validate import described, validate
from pipeline.inference.predictions import all_finite, predict
from pipeline.inference.shapley import apportion, coalition_worths, shapley_values
from pipeline.model.bundle import Bundle
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command
from pipeline.runtime.json_file import each_key_once

EXAMPLE = f"{{{', '.join(f'{json.dumps(name)}: …' for name in FEATURES[:2])}, …}}"


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    parser = command_parser("explain", __doc__, examples=[f"--model models/full --row '{EXAMPLE}'"])
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--row", required=True, help=f"the row's features as a JSON object: {EXAMPLE}")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, print the explanation."""
    given = arguments().parse_args(argv)
    with command("explain"):
        params.check(FEATURES)
        row = read_row(given.row)
        print(report(Bundle.load(given.model), row))


def read_row(text: str) -> pa.RecordBatch:
    """The features of a JSON object, checked against the data contract; other keys are ignored.

    Raises: ValueError if this is no JSON object, lacks a feature, or breaks the contract.
    """
    try:
        values = json.loads(text, object_pairs_hook=each_key_once, parse_float=_Number, parse_int=_Number)
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = f"{error.object[error.start]!r}, which is none (half of a pair, or a byte that is not UTF-8)"
        raise ValueError(f"--row must hold whole characters, found {found}; write the character itself") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--row must be a JSON object such as {EXAMPLE}, found {text[:60]!r}: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"--row must be a JSON object such as {EXAMPLE}, found {text[:60]!r}")
    check_columns(list(values), FEATURES, where="--row")
    if wrong := [name for name in FEATURES if name not in NUMBERS and not _is_text(values[name])]:
        found = "; ".join(f"{name}: {_text(values[name])}" for name in wrong)
        raise ValueError(f"--row must give {', '.join(wrong)} as text in double quotes, found {found[:100]}")
    cells = {name: _text(values[name]) for name in FEATURES}
    rows, broken = validate(pa.record_batch({name: pa.array([cell]).cast(TYPES[name]) for name, cell in cells.items()}))
    if broken:
        problems = (f"{requirement(name)}, found {described(name, [cells[name]])[0]}" for name in broken)
        raise ValueError(f"--row: {'; '.join(problems)}")
    return rows


class _Number(str):
    """A number of JSON as it is written there: 2e3 is not 2000."""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, _Number)


def _text(value: object) -> str:
    """A text or a number as it is, and any other value as JSON writes it."""
    return str(value) if isinstance(value, str) else json.dumps(value)


def contributions(bundle: Bundle, codes: Mapping[str, np.ndarray]) -> tuple[float, dict[str, float]]:
    """The average prediction of the background, and how much each feature of a row adds to it, in the target's unit.

    Shape: the row's codes (1,) by column.
    Raises: ValueError as `predict`.
    """
    features, read = bundle.recipe.features, bundle.network.columns
    worths = coalition_worths(
        lambda codes: all_finite(bundle.predict(codes)),
        codes,
        bundle.background,
        players=[[name for name in columns_of(feature) if name in read] for feature in features],
    )
    return float(worths[0]), dict(zip(features, shapley_values(worths).tolist(), strict=True))


def report(bundle: Bundle, row: pa.RecordBatch) -> str:
    """The explanation of one row as text, in whole numbers of the target's unit that add up."""
    codes = bundle.encoder.encode(row)
    found = predict(bundle, codes)
    average, exact = contributions(bundle, codes)
    start, end = round(average), round(found.predicted.item())
    added = dict(zip(exact, apportion(np.array(list(exact.values())), total=end - start).tolist(), strict=True))
    lines = [("", "value", UNIT_NAME, "code")]
    lines += [(f"average of {len(next(iter(bundle.background.values())))} training rows", "", f"{start:,}", "")]
    for name in FEATURES:
        value, contribution = row[name][0].as_py(), f"{added[name]:+,}" if name in added else "not read"
        lines += [(name, str(value), contribution, _code(name, value, codes))]
    lines += [("prediction", "", f"{end:,}", "")]
    for percent, ends in found.intervals.items():
        low, high = (int(end.item()) for end in ends)
        why = "too few validation rows to know" if percent in bundle.intervals.uncalibrated else ""
        lines += [(f"{percent} % interval", "", f"{low:,} to {high:,}", why)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in lines)


def _code(name: str, value: object, codes: Mapping[str, np.ndarray]) -> str:
    """The value's code; of the text feature, those of its words, too."""
    shown = {column: str(code.item() or "unknown") for column, code in codes.items()}
    if name != TEXT:
        return shown[name]
    words = (f"{word} {shown[slot]}" for word, slot in zip(words_of(str(value)), WORDS, strict=False))
    return f"{shown[name]} ({', '.join(words)})"


if __name__ == "__main__":
    main()
