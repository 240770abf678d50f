"""What would make a score too good to be true: each check fails the run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def check_splits(splits: Mapping[str, Iterable[Columns]]) -> None:
    """Raise ValueError if two splits share a row, or copies of one.

    Shape: blocks in the order of their hashes (rows,), all of one hash in one block.
    """
    for (one, first), (other, second) in combinations(splits.items(), 2):
        if shared := _shared(*((block[HASH] for block in blocks) for blocks in (first, second))):
            raise ValueError(
                f"leak: equal rows must be in one split, found {shared} of the {other} rows in {one}, too;"
                " run the prepare stage again"
            )


def _shared(first: Iterator[np.ndarray], second: Iterator[np.ndarray]) -> int:
    """How many hashes of the second are in the first, too, both sorted. Shape: each (n,)."""
    none, shared = np.empty(0, np.uint64), 0
    one, other = next(first, none), next(second, none)
    while len(one) and len(other):
        last = min(one[-1], other[-1])
        ends = [np.searchsorted(hashes, last, "right") for hashes in (one, other)]  # up to here both are complete
        shared += int(np.isin(other[: ends[1]], one[: ends[0]]).sum())
        one, other = one[ends[0] :], other[ends[1] :]
        one = one if len(one) else next(first, none)
        other = other if len(other) else next(second, none)
    return shared


def check_encoder(encoder: Encoder, train: Iterable[Columns], *, min_count: int) -> None:
    """Raise ValueError if the encoder knows more than the training rows say.

    Its scaling must be that of their targets, and each value with a code must stand in `min_count` of them or more.
    Shape: each column of a block (rows,).
    """
    targets, rows = Counter[int](), dict[str, np.ndarray]()  # rows with each target, and (codes,) with each code
    for block in train:
        different, counts = np.unique(block[TARGET], return_counts=True)
        targets.update(dict(zip(different.tolist(), counts.tolist(), strict=True)))
        for name, codes in _codes(block).items():
            size = 1 + len(encoder.vocabularies.get(name, encoder.words))
            found = np.bincount(codes, minlength=size)[:size]
            rows[name] = rows[name] + found if name in rows else found
    _check_scaling(encoder, targets)
    for name, of_codes in rows.items():
        values = encoder.vocabularies.get(name, encoder.words)
        known = zip(values, of_codes[UNKNOWN + 1 :].tolist(), strict=True)
        if rare := [str(value) for value, count in known if count < min_count]:
            raise ValueError(
                f"leak: a value of {name} must stand in {min_count} training rows to have a code, found {len(rare)}"
                f" in fewer: {', '.join(rare[:3])}; run the prepare stage again"
            )


def _codes(rows: Columns) -> dict[str, np.ndarray]:
    """The codes of what has a vocabulary; of a text's words the known ones, a repeated one once. Shape: each (n,)."""
    codes = {name: rows[name] for name in FEATURES}
    if TEXT:
        words = np.sort(np.stack([rows[name] for name in WORDS], axis=1), axis=1)  # (rows, words): equal ones adjacent
        codes[f"the words of {TEXT}"] = words[np.diff(words, axis=1, prepend=UNKNOWN) != 0]
    return codes


def _check_scaling(encoder: Encoder, targets: Mapping[int, int]) -> None:
    right = fit_scaling(targets, kind=encoder.scaling.kind)
    for name in ("center", "scale"):
        found, expected = getattr(encoder.scaling, name), getattr(right, name)
        if not isclose(found, expected, rel_tol=1e-12):  # the last place of log1p differs between C libraries
            raise ValueError(
                f"leak: the scaling's {name} must be that of the training rows, {expected}, found {found};"
                " run the prepare stage again"
            )
