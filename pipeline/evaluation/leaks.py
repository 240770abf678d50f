"""What would make a score too good to be true: each check fails the run."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isclose

import numpy as np

from pipeline.data.encoding import UNKNOWN, Encoder, fit_scaling
from pipeline.data.schema import FEATURES, TARGET, WORDS

EXAMPLES = 3

Columns = Mapping[str, np.ndarray]


def check_columns(columns: Sequence[str]) -> None:
    """Raise ValueError if a network reads anything but features: the target, or what gives it away."""
    if wrong := [name for name in columns if name not in (*FEATURES, *WORDS)]:
        raise ValueError(
            f"leak: a network may read the codes of features and title words only, found {', '.join(wrong)};"
            " take them out of the recipe and train again"
        )


def check_splits(splits: Mapping[str, Columns]) -> None:
    """Raise ValueError if a row stands in two splits, or copies of it do. Shape: row_hash (rows,) each."""
    for (one, first), (other, second) in combinations(splits.items(), 2):
        if shared := int(np.isin(second["row_hash"], first["row_hash"]).sum()):
            raise ValueError(
                f"leak: equal rows must be in one split, found {shared} of the {other} rows in {one}, too;"
                " run the prepare stage again"
            )


def check_encoder(encoder: Encoder, train: Columns, *, min_count: int) -> None:
    """Raise ValueError if the encoder knows more than the training rows say.

    Its scaling must be that of their salaries, and each value with a code must stand in `min_count` of them or more.
    Shape: each column of train (rows,).
    """
    dollars, rows = np.unique(train[TARGET], return_counts=True)
    expected = fit_scaling(dict(zip(dollars.tolist(), rows.tolist(), strict=True)), kind=encoder.scaling.kind)
    for name in ("center", "scale"):
        found, right = getattr(encoder.scaling, name), getattr(expected, name)
        if not isclose(found, right, rel_tol=1e-12):  # the last place of log1p differs between C libraries
            raise ValueError(
                f"leak: the scaling's {name} must be that of the training rows, {right}, found {found};"
                " run the prepare stage again"
            )
    known = {name: (values, train[name]) for name, values in encoder.vocabularies.items()}
    known["the title words"] = (encoder.words, _distinct_words(train))
    for name, (values, codes) in known.items():
        counts = np.bincount(codes, minlength=len(values) + 1)[UNKNOWN + 1 :].tolist()
        if rare := [str(value) for value, count in zip(values, counts, strict=True) if count < min_count]:
            raise ValueError(
                f"leak: a value of {name} must stand in {min_count} training rows to have a code, found {len(rare)}"
                f" in fewer: {', '.join(rare[:EXAMPLES])}; run the prepare stage again"
            )


def _distinct_words(train: Columns) -> np.ndarray:
    """The codes of each title's words, a word that stands in a title twice once. Shape: (words of all rows,)."""
    words = np.sort(np.stack([train[name] for name in WORDS], axis=1), axis=1)
    distinct: np.ndarray = words[np.diff(words, axis=1, prepend=UNKNOWN) != 0]
    return distinct
