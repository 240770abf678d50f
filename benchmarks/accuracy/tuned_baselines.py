"""Methods, each tuned by random trials on the rows that came after; here are the simple rivals of the network."""

import importlib.util
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.backtest.error_ratio import geometric_mean
from pipeline.backtest.forward import CutOff
from pipeline.backtest.space import Distribution, Settings, choice, log_uniform
from pipeline.data import encoding
from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, GROUP, TARGET, TEXT, WORDS
from pipeline.data.split import row_hash
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.evaluation.noise_floor import cell_numbers

YEAR = "work_year"
COARSE_TO_FINE = (
    (GROUP, "company_location"),
    (GROUP, "company_location", TEXT),
    FEATURES[1:],  # all but the year
)
Predict = Callable[[pa.RecordBatch], np.ndarray]
"""Clean rows → US dollars. Shape: returns (rows,)."""


@dataclass(frozen=True)
class Rival:
    """A method: what its settings are drawn from, how it fits to a cut-off's rows but the future's, and its package."""

    space: Mapping[str, Distribution]
    fit: Callable[[CutOff, Settings], Predict]
    package: str

    @property
    def installed(self) -> bool:
        """Whether its package can be imported."""
        return importlib.util.find_spec(self.package) is not None


@dataclass(frozen=True)
class Trial:
    """Settings, and the geometric mean over cut-offs of the mean squared error on their future rows, in USD²."""

    settings: Settings
    mse: float


def tune(rival: Rival, cut_offs: Sequence[CutOff], *, trials: int) -> Trial:
    """Forward validation: the best of the trials on the rows that came after each of the cut-offs.

    A method without settings needs one trial, whatever they may be.
    """
    rng = np.random.default_rng(0)
    drawn = [{name: draw(rng) for name, draw in rival.space.items()} for _ in range(trials if rival.space else 1)]
    return min((Trial(settings, forward_mse(rival, settings, cut_offs)) for settings in drawn), key=lambda one: one.mse)


def forward_mse(rival: Rival, settings: Settings, cut_offs: Sequence[CutOff]) -> float:
    """The geometric mean of the mean squared errors on the rows that came after each of the cut-offs, in USD²."""
    errors = [
        mean_squared_error(rival.fit(one, settings)(one.future), one.future[TARGET].to_numpy()) for one in cut_offs
    ]
    return float(geometric_mean(errors))


def log_uniform_int(low: int, high: int) -> Distribution:
    """As log_uniform, rounded to a whole number."""
    return lambda rng: round(log_uniform(low, high)(rng))


def uniform(low: float, high: float) -> Distribution:
    """A number from low to high, evenly spread."""
    return lambda rng: float(rng.uniform(low, high))


ROW_SETTINGS: Mapping[str, Distribution] = {
    "min_count": choice(1, 2, 3, 5, 10),
    "equal_rows": choice(0.0, 0.5, 1.0),
    "year": choice(False, True),
}
"""What a rival may do about rare values (`fit_encoder`), equal rows (`row_weights`) and the year: see it or not."""


def fit_encoder(rows: pa.RecordBatch, *, min_count: int) -> Encoder:
    """The pipeline's encoder, fitted on the rows."""
    counts = {name: Counter(rows[name].to_pylist()) for name in (*FEATURES, TARGET)}
    return encoding.fit(counts, min_count=min_count, target="standard")


def row_weights(rows: pa.RecordBatch, power: float) -> np.ndarray:
    """1 / (how many are equal to the row) ** power, scaled to a mean of 1. Shape: (rows,)."""
    _, inverse, copies = np.unique(row_hash(rows, salt="equal"), return_inverse=True, return_counts=True)
    weight = copies[inverse] ** -power
    scaled: np.ndarray = weight / weight.mean()
    return scaled


def bag_of_words(codes: Mapping[str, np.ndarray], *, size: int) -> np.ndarray:
    """1 where the row's text has the word, else 0. Shape: returns (rows, size - 1): code 0, unknown, has no column."""
    words = np.stack([codes[name] for name in WORDS], axis=1)  # (rows, word columns)
    bag = np.zeros((len(words), size), np.float32)
    np.put_along_axis(bag, words.astype(np.int64), 1, axis=1)
    return bag[:, 1:]


def cell_mean(cut_off: CutOff, settings: Settings) -> Predict:
    """The mean of the row's cell, shrunk to that of the coarser cell around it, and so on up to the training mean."""
    train = cut_off.train
    target = train[TARGET].to_numpy()

    def predict(rows: pa.RecordBatch) -> np.ndarray:
        prediction = np.full(rows.num_rows, target.mean())
        for columns, shrinkage in zip(COARSE_TO_FINE, settings.values(), strict=True):
            both = {name: np.array(train[name].to_pylist() + rows[name].to_pylist()) for name in columns}
            of_train, of_rows = np.split(cell_numbers(both), [len(target)])
            count = np.bincount(of_train, minlength=of_rows.max() + 1)[of_rows]
            total = np.bincount(of_train, target, minlength=of_rows.max() + 1)[of_rows]
            prediction = (total + shrinkage * prediction) / (count + shrinkage)
        return prediction

    return predict


def ridge(cut_off: CutOff, settings: Settings) -> Predict:
    """Ridge regression on one-hot codes and title words; a year newer than any in training counts as the newest."""
    from sklearn.linear_model import Ridge

    train = cut_off.train
    encoder = fit_encoder(train, min_count=settings["min_count"])
    sizes, names = encoder.sizes(), [name for name in FEATURES if settings["year"] or name != YEAR]

    def design(rows: pa.RecordBatch) -> np.ndarray:
        codes = encoder.encode(rows)
        codes[YEAR] = np.where(codes[YEAR] == encoding.UNKNOWN, sizes[YEAR] - 1, codes[YEAR])
        one_hot = [np.eye(sizes[name], dtype=np.float32)[codes[name]] for name in names]
        return np.concatenate([*one_hot, bag_of_words(codes, size=sizes[WORDS[0]])], axis=1)

    model = Ridge(alpha=settings["alpha"])
    target = encoder.scaling.normalise(train[TARGET].to_numpy())
    model.fit(design(train), target, sample_weight=row_weights(train, settings["equal_rows"]))
    return lambda rows: encoder.scaling.denormalise(model.predict(design(rows)))


SIMPLE_RIVALS = {
    "cell mean, shrunk": Rival({str(columns): log_uniform(1, 100) for columns in COARSE_TO_FINE}, cell_mean, "numpy"),
    "ridge on one-hot": Rival({"alpha": log_uniform(0.1, 100), **ROW_SETTINGS}, ridge, "sklearn"),
}
