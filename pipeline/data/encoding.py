"""What is fitted on the training rows: the vocabularies of the features and the scaling of the target.

One readable JSON file keeps all of it, encodes any new row and turns a prediction back into the target's unit.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.data.encoder_fields import (
    LARGEST_CODE,
    LARGEST_FILE,
    EncoderFields,
    check_version,
    natural_order,
    words_of,
)
from pipeline.data.schema import FEATURES, HASH, LARGEST, NORMALISED, SMALLEST, TARGET, TEXT, VERSION, WORDS
from pipeline.runtime import json_file, sections

UNKNOWN = 0

ROWS = pa.schema(
    [(name, pa.int16()) for name in (*FEATURES, *WORDS)]
    + [(NORMALISED, pa.float32()), (TARGET, pa.int32()), (HASH, pa.uint64())]
)
"""An encoded row: codes (0 = unknown), the normalised target, the target in its unit, and the row's hash."""

Counts = Mapping[str, Counter[Any]]
"""How often each value stands in the training rows, by column: of the features and the target."""


@dataclass(frozen=True)
class Scaling:
    """The target's normalisation and its inverse: `(f(target) - center) / scale`, f is log1p or nothing."""

    kind: str
    center: float
    scale: float

    def normalise(self, target: np.ndarray) -> np.ndarray:
        """The target's unit → normalised units. Shape: any; returns float64 of the same shape."""
        value = target.astype(np.float64)
        return ((np.log1p(value) if self.kind == "log1p" else value) - self.center) / self.scale

    def denormalise(self, normalised: np.ndarray) -> np.ndarray:
        """Normalised units → the target's unit, within the contract's bounds; NaN for what is no finite number.

        Shape: any; returns float64 of the same shape.
        """
        value = normalised.astype(np.float64) * self.scale + self.center
        with np.errstate(over="ignore"):  # an infinite exponential is clipped as any large one
            target = np.expm1(value) if self.kind == "log1p" else value
        return np.where(np.isfinite(normalised), target.clip(SMALLEST, LARGEST), np.nan)

    @property
    def floor(self) -> float:
        """The contract's smallest target, in normalised units."""
        return float(self.normalise(np.array(SMALLEST)))


@dataclass(frozen=True)
class Encoder:
    """Vocabularies by feature (a value's code is its position + 1), the words of TEXT, and the target's scaling."""

    vocabularies: dict[str, tuple[Any, ...]]
    words: tuple[str, ...]
    scaling: Scaling

    @cached_property
    def _codes(self) -> dict[str, dict[Any, int]]:
        """Each value's code, by column; all columns of words share one vocabulary, and UNKNOWN is nobody's code."""
        all_values = self.vocabularies | dict.fromkeys(WORDS, self.words)
        return {name: dict(zip(values, itertools.count(UNKNOWN + 1))) for name, values in all_values.items()}

    def sizes(self) -> dict[str, int]:
        """How many codes each column of codes can hold, unknown included."""
        return {name: len(codes) + 1 for name, codes in self._codes.items()}

    def encode(self, rows: pa.RecordBatch) -> dict[str, np.ndarray]:
        """The codes of clean rows, by column.

        Shape: rows of dictionary columns; returns (rows,) int16 per feature and per name in WORDS.
        """
        encoded: dict[str, np.ndarray] = {}
        for name in FEATURES:
            # Each distinct value is looked up once, and its code then taken by every row that holds it.
            indices, values = rows[name].indices.to_numpy(), rows[name].dictionary.to_pylist()
            encoded[name] = self._look_up(name, values).take(indices)
            if name == TEXT:
                padded = [words_of(value) + [""] * len(WORDS) for value in values]  # no word is empty: "" is unknown
                for position, column in enumerate(WORDS):
                    encoded[column] = self._look_up(column, [words[position] for words in padded]).take(indices)
        return encoded

    def _look_up(self, column: str, values: Sequence[Any]) -> np.ndarray:
        """The values' codes. Shape: values (n,); returns (n,) int16."""
        codes = self._codes[column]
        return np.array([codes.get(value, UNKNOWN) for value in values], np.int16)

    def encode_target(self, rows: pa.RecordBatch) -> dict[str, np.ndarray]:
        """The target of clean rows, in both units. Shape: returns (rows,) float32 and int32."""
        target = rows[TARGET].to_numpy()
        return {NORMALISED: self.scaling.normalise(target).astype(np.float32), TARGET: target.astype(np.int32)}

    def to_json(self) -> str:
        """The whole encoder as readable JSON, the same bytes for the same fit."""
        facts = asdict(self) | {"contract_version": VERSION}
        return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str = "the encoder") -> "Encoder":
        """The encoder that `to_json` wrote.

        Raises: ValueError, which begins with `where`, if it is damaged or of another version of the data contract.
        """
        facts = json_file.loads(text.encode() if isinstance(text, str) else text, where=where)
        check_version(facts, where=where)
        fields = sections.parse(EncoderFields, facts, where=f"{where}:")
        scaling = Scaling(fields.scaling.kind, fields.scaling.center, fields.scaling.scale)
        return cls(fields.vocabularies, fields.words, scaling)

    @classmethod
    def read(cls, path: Path) -> "Encoder":
        """The encoder in the file. Raises: OSError if there is none; ValueError as `from_json`."""
        try:
            return cls.from_json(json_file.read_bytes(path, largest=LARGEST_FILE), where=str(path))
        except ValueError as error:
            raise ValueError(f"{error}; run dvc repro") from None


def fit(counts: Counts, *, min_count: int, target: str) -> Encoder:
    """Fit the encoder on how often each value stands in the training rows; values seen less than min_count are unknown.

    The counts are all it needs, and counts of blocks just add up: so the fit knows no order and no block size.
    Raises: ValueError without training rows, or if a vocabulary outgrows 16-bit codes.
    """
    if not counts[TARGET]:
        raise ValueError("there must be a row to train on, found none; bring more different rows")
    vocabularies = {name: _vocabulary(name, counts[name], min_count) for name in FEATURES}
    words: Counter[str] = Counter()  # of each word, the rows whose text has it, once or more
    for text, rows in counts.get(TEXT, {}).items():
        for word in sorted(set(words_of(text)[: len(WORDS)])):  # later ones have no column
            words[word] += rows
    scaling = fit_scaling(counts[TARGET], kind=target)
    return Encoder(vocabularies, _vocabulary(TEXT, words, min_count) if TEXT else (), scaling)


def _vocabulary(name: str, counts: Counter[Any], min_count: int) -> tuple[Any, ...]:
    values = sorted((value for value, rows in counts.items() if rows >= min_count), key=natural_order(name))
    if len(values) > LARGEST_CODE:
        raise ValueError(f"{name}: at most {LARGEST_CODE} values can have a code, found {len(values)}; raise min_count")
    return tuple(values)


def fit_scaling(counts: Mapping[int, int], *, kind: str) -> Scaling:
    """The target's scaling: mean and standard deviation (`standard`; `log1p`: of the logarithm) or range (`minmax`).

    The sums are exactly rounded, so the order of the rows leaves no trace. A constant target has scale 1.
    Source: population standard deviation, as sklearn.preprocessing.StandardScaler and MinMaxScaler define them.

    >>> fit_scaling({10: 1, 20: 2, 30: 1}, kind="minmax")
    Scaling(kind='minmax', center=10.0, scale=20.0)
    """
    value = {target: math.log1p(target) if kind == "log1p" else float(target) for target in counts}
    if kind == "minmax":
        center, scale = min(value.values()), max(value.values()) - min(value.values())
    else:
        rows = sum(counts.values())
        center = math.fsum(value[target] * count for target, count in counts.items()) / rows
        variance = math.fsum(count * (value[target] - center) ** 2 for target, count in counts.items()) / rows
        scale = math.sqrt(variance) if len(counts) > 1 else 0.0  # not the rounding error of a constant target
    return Scaling(kind, center, scale or 1.0)
