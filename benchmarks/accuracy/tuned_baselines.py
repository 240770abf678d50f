"""Methods to compare a network with, each tuned by random trials on the validation rows: here the simple ones."""

import importlib.util
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.data import encoding
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, TARGET, WORDS
from pipeline.data.split import row_hash
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.evaluation.noise_floor import cell_numbers

COARSE_TO_FINE = (
    ("experience_level", "company_location"),
    ("experience_level", "company_location", "job_title"),
    FEATURES[1:],
)
Settings = Mapping[str, Any]
Predict = Callable[[pa.RecordBatch], np.ndarray]
"""Clean rows → US dollars. Shape: returns (rows,)."""
Draw = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class Rival:
    """A method: what its settings are drawn from, how it fits training rows (and validation rows), and who makes it."""

    space: Mapping[str, Draw]
    fit: Callable[[pa.RecordBatch, pa.RecordBatch, Settings], Predict]
    package: str

    @property
    def installed(self) -> bool:
        """Whether its package is at hand."""
        return importlib.util.find_spec(self.package) is not None


def tune(rival: Rival, train: pa.RecordBatch, valid: pa.RecordBatch, *, trials: int) -> tuple[float, Predict]:
    """The best of the trials by the validation rows: its mean squared error there, in USD², and its predictions."""
    rng = np.random.default_rng(0)
    tried = []
    for _ in range(trials):
        predict = rival.fit(train, valid, {name: draw(rng) for name, draw in rival.space.items()})
        tried.append((mean_squared_error(predict(valid), valid[TARGET].to_numpy()), predict))
    return min(tried, key=lambda one: one[0])


def log(low: float, high: float) -> Draw:
    """A number from low to high, its logarithm evenly spread."""
    return lambda rng: float(np.exp(rng.uniform(np.log(low), np.log(high))))


def log_int(low: int, high: int) -> Draw:
    """The same, rounded to a whole number."""
    return lambda rng: round(log(low, high)(rng))


def flat(low: float, high: float) -> Draw:
    """A number from low to high, evenly spread."""
    return lambda rng: float(rng.uniform(low, high))


def one_of(*values: object) -> Draw:
    """One of the values."""
    return lambda rng: values[rng.integers(len(values))]


ROWS: Mapping[str, Draw] = {"min_count": one_of(1, 2, 3, 5, 10), "equal_rows": one_of(0.0, 0.5, 1.0)}
"""What each may do about rare values and equal rows, of which `weights` says more."""


def encoder_of(rows: pa.RecordBatch, *, min_count: int) -> Encoder:
    """The pipeline's encoder, fitted on the rows."""
    counts = {name: Counter(rows[name].to_pylist()) for name in (*FEATURES, TARGET)}
    return encoding.fit(counts, min_count=min_count, target="standard")


def weights(rows: pa.RecordBatch, power: float) -> np.ndarray:
    """1 / (how many are equal to the row) ** power, scaled to a mean of 1. Shape: (rows,)."""
    _, which, copies = np.unique(row_hash(rows, salt="equal"), return_inverse=True, return_counts=True)
    weight = copies[which] ** -power
    scaled: np.ndarray = weight / weight.mean()
    return scaled


def bag_of_words(codes: Mapping[str, np.ndarray], *, size: int) -> np.ndarray:
    """1 where the row's title has the word, else 0. Shape: (rows, size - 1); unknown words have no column."""
    words = np.stack([codes[name] for name in WORDS], axis=1)
    bag = np.zeros((len(words), size), np.float32)
    np.put_along_axis(bag, words.astype(np.int64), 1, axis=1)
    return bag[:, 1:]


def cell_mean(train: pa.RecordBatch, valid: pa.RecordBatch, settings: Settings) -> Predict:
    """The mean of the row's cell, shrunk to that of the coarser cell around it, and so on up to the training mean."""
    dollars = train[TARGET].to_numpy()

    def predict(rows: pa.RecordBatch) -> np.ndarray:
        prediction = np.full(rows.num_rows, dollars.mean())
        for columns, shrinkage in zip(COARSE_TO_FINE, settings.values(), strict=True):
            both = {name: np.array(train[name].to_pylist() + rows[name].to_pylist()) for name in columns}
            of_train, of_rows = np.split(cell_numbers(both), [len(dollars)])
            count = np.bincount(of_train, minlength=of_rows.max() + 1)[of_rows]
            total = np.bincount(of_train, dollars, minlength=of_rows.max() + 1)[of_rows]
            prediction = (total + shrinkage * prediction) / (count + shrinkage)
        return prediction

    return predict


def ridge(train: pa.RecordBatch, valid: pa.RecordBatch, settings: Settings) -> Predict:
    """Ridge regression on one-hot codes and title words; a year newer than any in training counts as the newest."""
    from sklearn.linear_model import Ridge

    encoder = encoder_of(train, min_count=settings["min_count"])
    sizes = encoder.sizes()

    def design(rows: pa.RecordBatch) -> np.ndarray:
        codes = encoder.encode(rows)
        codes["work_year"] = np.where(
            codes["work_year"] == encoding.UNKNOWN, sizes["work_year"] - 1, codes["work_year"]
        )
        one_hot = [np.eye(sizes[name], dtype=np.float32)[codes[name]] for name in FEATURES]
        return np.concatenate([*one_hot, bag_of_words(codes, size=sizes[WORDS[0]])], axis=1)

    model = Ridge(alpha=settings["alpha"])
    target = encoder.scaling.normalise(train[TARGET].to_numpy())
    model.fit(design(train), target, sample_weight=weights(train, settings["equal_rows"]))
    return lambda rows: encoder.scaling.denormalise(model.predict(design(rows)))


SIMPLE = {
    "cell mean, shrunk": Rival({str(columns): log(1, 100) for columns in COARSE_TO_FINE}, cell_mean, "numpy"),
    "ridge on one-hot": Rival({"alpha": log(0.1, 100), **ROWS}, ridge, "sklearn"),
}
