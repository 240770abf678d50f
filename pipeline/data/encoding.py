"""What is fitted on the training rows: the vocabularies of the features and the scaling of the target.

One readable JSON file keeps all of it, encodes any new row and turns a prediction back into dollars.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.data.schema import FEATURES, TARGET, VERSION, natural_order

UNKNOWN = 0
TITLE = "job_title"
WORDS = tuple(f"title_word_{slot}" for slot in range(1, 7))
LARGEST_CODE = np.iinfo(np.int16).max

ROWS = pa.schema(
    [(name, pa.int16()) for name in (*FEATURES, *WORDS)]
    + [("target", pa.float32()), (TARGET, pa.int32()), ("row_hash", pa.uint64())]
)
"""An encoded row: codes (0 = unknown), the normalised target, the target in US dollars, and the row's hash."""

Counts = Mapping[str, Counter[Any]]


@dataclass(frozen=True)
class Scaling:
    """The target's normalisation and its inverse: `(f(dollars) - center) / scale`, f is log1p or nothing."""

    kind: str
    center: float
    scale: float

    def normalise(self, dollars: np.ndarray) -> np.ndarray:
        """US dollars → normalised units. Shape: any; returns float64 of the same shape."""
        value = dollars.astype(np.float64)
        return ((np.log1p(value) if self.kind == "log1p" else value) - self.center) / self.scale

    def denormalise(self, normalised: np.ndarray) -> np.ndarray:
        """Normalised units → US dollars. Shape: any; returns float64 of the same shape."""
        value = normalised.astype(np.float64) * self.scale + self.center
        return np.expm1(value) if self.kind == "log1p" else value


@dataclass(frozen=True)
class Encoder:
    """Vocabularies by feature (a value's code is its position + 1), the titles' words, and the target's scaling."""

    vocabularies: dict[str, tuple[Any, ...]]
    words: tuple[str, ...]
    scaling: Scaling
    contract_version: int = VERSION

    @cached_property
    def _codes(self) -> dict[str, dict[Any, int]]:
        named = {**self.vocabularies, "words": self.words}
        return {name: {value: code for code, value in enumerate(values, start=1)} for name, values in named.items()}

    def sizes(self) -> dict[str, int]:
        """How many codes each column of codes can hold, unknown included."""
        sizes = {name: len(values) + 1 for name, values in self.vocabularies.items()}
        return sizes | dict.fromkeys(WORDS, len(self.words) + 1)

    def encode(self, rows: pa.RecordBatch) -> dict[str, np.ndarray]:
        """The codes of clean rows, by column.

        Shape: rows of dictionary columns; returns (rows,) int16 per feature and title word.
        """
        encoded: dict[str, np.ndarray] = {}
        for name in FEATURES:
            places, values = rows[name].indices.to_numpy(), rows[name].dictionary.to_pylist()
            codes = self._codes[name]
            encoded[name] = np.array([codes.get(value, UNKNOWN) for value in values], np.int16)[places]
            if name == TITLE:
                slots = np.array([self._word_codes(value) for value in values], np.int16).reshape(-1, len(WORDS))
                encoded |= {word: np.ascontiguousarray(slots[:, slot])[places] for slot, word in enumerate(WORDS)}
        return encoded

    def encode_target(self, rows: pa.RecordBatch) -> dict[str, np.ndarray]:
        """The target of clean rows, in both units.

        Shape: returns (rows,) float32 and int32.
        """
        dollars = rows[TARGET].to_numpy()
        return {"target": self.scaling.normalise(dollars).astype(np.float32), TARGET: dollars.astype(np.int32)}

    def _word_codes(self, title: str) -> list[int]:
        codes = [self._codes["words"].get(word, UNKNOWN) for word in title_words(title)[: len(WORDS)]]
        return codes + [UNKNOWN] * (len(WORDS) - len(codes))

    def to_json(self) -> str:
        """The whole encoder as readable JSON, the same bytes for the same fit."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Encoder":
        """The encoder that `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            vocabularies={name: tuple(values) for name, values in fields["vocabularies"].items()},
            words=tuple(fields["words"]),
            scaling=Scaling(**fields["scaling"]),
            contract_version=fields["contract_version"],
        )

    @classmethod
    def read(cls, path: Path) -> "Encoder":
        """The encoder in the file."""
        return cls.from_json(path.read_text(encoding="utf-8"))


def fit(counts: Counts, *, min_count: int, target: str) -> Encoder:
    """Fit the encoder on how often each value stands in the training rows; values seen less than min_count are unknown.

    The counts are all it needs, and counts of blocks just add up: so the fit knows no order and no block size.
    Raises: ValueError without training rows, or if a vocabulary outgrows 16-bit codes.
    """
    if not counts[TARGET]:
        raise ValueError("no row is left to train on: the table is too small for prepare.split")
    vocabularies = {name: _vocabulary(name, counts[name], min_count) for name in FEATURES}
    words: Counter[str] = Counter()
    for title, rows in counts[TITLE].items():
        for word in sorted(set(title_words(title)[: len(WORDS)])):  # later ones have no slot
            words[word] += rows
    return Encoder(vocabularies, _vocabulary(TITLE, words, min_count), fit_scaling(counts[TARGET], kind=target))


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
    value = {dollars: math.log1p(dollars) if kind == "log1p" else float(dollars) for dollars in counts}
    if kind == "minmax":
        center, scale = min(value.values()), max(value.values()) - min(value.values())
    else:
        rows = sum(counts.values())
        center = math.fsum(value[dollars] * count for dollars, count in counts.items()) / rows
        variance = math.fsum(count * (value[dollars] - center) ** 2 for dollars, count in counts.items()) / rows
        scale = math.sqrt(variance) if len(counts) > 1 else 0.0  # not the rounding error of a constant target
    return Scaling(kind, center, scale or 1.0)


def title_words(title: str) -> list[str]:
    """The title's words, lower-cased.

    >>> title_words("Lead ML/AI Engineer (R&D)")
    ['lead', 'ml', 'ai', 'engineer', 'r&d']
    """
    return re.findall(r"[a-z0-9+#&]+", title.lower())
