"""Encoded rows → what a model predicts for each, and the intervals around it; no row need be predicted twice."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipeline.data.schema import FEATURES
from pipeline.model.bundle import FIX, Bundle
from pipeline.model.intervals import PERCENTS

CAPACITY = 1 << 18  # rows in a cache, at some 200 bytes each
FINITE = "the model must predict a finite number"


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for some rows. Shape: each (rows,)."""

    predicted: np.ndarray  # float64 in the target's unit, within the contract's bounds
    intervals: Mapping[int, tuple[np.ndarray, np.ndarray]]  # by percent, the lower ends and the upper


def predict(bundle: Bundle, codes: Mapping[str, np.ndarray]) -> Predictions:
    """Predict rows as `bundle.encoder` encodes them, and put the intervals around the predictions.

    Raises: ValueError if the network's output for a row is no finite number, as damaged weights make it.
    """
    found = predict_or_nan(bundle, codes)
    all_finite(found.predicted)
    return found


def predict_or_nan(bundle: Bundle, codes: Mapping[str, np.ndarray]) -> Predictions:
    """What `predict` returns, and NaN for the rows for which it would raise."""
    predicted = bundle.predict(codes)
    intervals = {percent: bundle.interval(predicted, codes, percent=percent) for percent in PERCENTS}
    return Predictions(predicted, intervals)


def predict_distinct(bundle: Bundle, rows: pa.RecordBatch) -> tuple[Predictions, np.ndarray]:
    """What `predict_or_nan` returns for each combination of features of clean rows, and which one each row has.

    No row is predicted twice: many of a real table are equal.
    Shape: Predictions of (combinations,), and (rows,) positions of combinations.
    """
    features = rows.select(list(FEATURES))
    firsts, inverse = distinct(features)
    return predict_or_nan(bundle, bundle.encoder.encode(features.take(pa.array(firsts)))), inverse


def all_finite(predicted: np.ndarray) -> np.ndarray:
    """The predictions as they are. Raises: ValueError if one is NaN."""
    if count := np.count_nonzero(np.isnan(predicted)):
        raise ValueError(f"{FINITE}, found NaN or infinity for {count} of {len(predicted)} rows; {FIX}")
    return predicted


def distinct(rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each combination of values, and the inverse: which combination each row has.

    Shape: rows of dictionary columns; returns (combinations,) positions of rows and (rows,) positions of combinations.

    >>> letters = pa.array(["a", "b", "a", "b"]).dictionary_encode()
    >>> firsts, inverse = distinct(pa.record_batch({"letter": letters, "other": letters}))
    >>> firsts.tolist(), inverse.tolist()
    ([0, 1], [0, 1, 0, 1])
    """
    # A row's key is the number whose digits are its codes: with 3 and 5 values, codes (2, 4) make 2 * 5 + 4 of 15 keys.
    keys, count = np.zeros(rows.num_rows, np.int64), 1
    for column in rows.columns:
        if count * len(column.dictionary) > np.iinfo(np.int64).max:
            keys, count = _numbered(keys).astype(np.int64), max(rows.num_rows, 1)
        keys *= len(column.dictionary)  # in its place: a new array costs as much as the product
        keys += column.indices.to_numpy()
        count *= len(column.dictionary)
    inverse = _numbered(keys)
    firsts = np.zeros(inverse.max(initial=-1) + 1, np.int64)
    firsts[inverse[::-1]] = np.arange(len(inverse))[::-1]  # backwards: what is written last, the first row, stays
    return firsts, inverse


def _numbered(keys: np.ndarray) -> np.ndarray:
    """Each key's number in the order of first appearance; a hash table does in a tenth of the time of np.unique."""
    numbers: np.ndarray = pa.array(keys).dictionary_encode().indices.to_numpy()
    return numbers


@dataclass(frozen=True)
class CachingBundle(Bundle):
    """A bundle with the predictions it has made, by the bytes of a row's codes: a look-up is cheaper than a network."""

    cache: dict[bytes, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)  # of the cache, which threads share

    def predict_normalised(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the bundle predicts, to the last bit, as a row's prediction does not depend on its neighbours.

        Shape: codes by column, each (rows,); returns (rows,) float32.
        """
        table = np.stack([codes[name] for name in self.network.columns], axis=1)  # (rows, columns) int16
        keys: list[bytes] = table.view(f"V{table.itemsize * table.shape[1]}").ravel().tolist()  # a row's bytes
        with self.lock:
            return self._looked_up(keys, codes)

    def _looked_up(self, keys: Sequence[bytes], codes: Mapping[str, np.ndarray]) -> np.ndarray:
        if len(self.cache) > CAPACITY:
            self.cache.clear()
        new = {key: row for row, key in enumerate(keys) if key not in self.cache}
        if new:
            rows = np.fromiter(new.values(), np.int64)
            predictions = super().predict_normalised({name: codes[name][rows] for name in self.network.columns})
            self.cache.update(zip(new, predictions.tolist(), strict=True))
        return np.fromiter((self.cache[key] for key in keys), np.float32)
