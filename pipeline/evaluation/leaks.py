"""What would make a score too good to be true: each check fails the run."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isclose

import numpy as np

from pipeline.data.encoding import UNKNOWN, Encoder, fit_scaling
from pipeline.data.schema import FEATURES, HASH, TARGET, TEXT, WORDS
from pipeline.evaluation.metrics import Columns


def check_columns(columns: Sequence[str]) -> None:
    """Raise ValueError if a network reads anything but features: the target, or what gives it away."""
    if wrong := [name for name in columns if name not in (*FEATURES, *WORDS)]:
        raise ValueError(
            f"leak: a network may read the codes of features and words only, found {', '.join(wrong)};"
            " take them out of the recipe and train again"
        )


def check_splits(splits: Mapping[str, Columns]) -> None:
    """Raise ValueError if two splits share a row, or copies of one. Shape: the hashes (rows,) each."""
    for (one, first), (other, second) in combinations(splits.items(), 2):
        if shared := int(np.isin(second[HASH], first[HASH]).sum()):
            raise ValueError(
                f"leak: equal rows must be in one split, found {shared} of the {other} rows in {one}, too;"
                " run the prepare stage again"
            )


def check_encoder(encoder: Encoder, train: Columns, *, min_count: int) -> None:
    """Raise ValueError if the encoder knows more than the training rows say.

    Its scaling must be that of their targets, and each value with a code must stand in `min_count` of them or more.
    Shape: each column of train (rows,).
    """
    _check_scaling(encoder, train[TARGET])
    # what has a vocabulary, its values in the order of their codes, and the codes that the training rows have
    vocabularies = [(name, values, train[name]) for name, values in encoder.vocabularies.items()]
    if TEXT:
        words = np.sort(np.stack([train[name] for name in WORDS], axis=1), axis=1)  # (rows, words): equal ones adjacent
        once = words[np.diff(words, axis=1, prepend=UNKNOWN) != 0]  # each text's known words, a repeated one once
        vocabularies.append((f"the words of {TEXT}", encoder.words, once))
    for name, values, codes in vocabularies:
        counts = np.bincount(codes, minlength=len(values) + 1)[UNKNOWN + 1 :].tolist()  # (values,)
        if rare := [str(value) for value, count in zip(values, counts, strict=True) if count < min_count]:
            raise ValueError(
                f"leak: a value of {name} must stand in {min_count} training rows to have a code, found {len(rare)}"
                f" in fewer: {', '.join(rare[:3])}; run the prepare stage again"
            )


def _check_scaling(encoder: Encoder, target: np.ndarray) -> None:
    values, rows = np.unique(target, return_counts=True)  # each (different targets,)
    right = fit_scaling(dict(zip(values.tolist(), rows.tolist(), strict=True)), kind=encoder.scaling.kind)
    for name in ("center", "scale"):
        found, expected = getattr(encoder.scaling, name), getattr(right, name)
        if not isclose(found, expected, rel_tol=1e-12):  # the last place of log1p differs between C libraries
            raise ValueError(
                f"leak: the scaling's {name} must be that of the training rows, {expected}, found {found};"
                " run the prepare stage again"
            )
