"""Puts two models before the gate: the champion of the last accepted commit and tonight's challenger."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.raw_table import Table
from pipeline.data.schema import FEATURES
from pipeline.inference.score import distinct, score
from pipeline.model.bundle import Bundle
from pipeline.nights.gate import Trial
from pipeline.repository.dvc_lock import Caches, Stage, md5_of, outputs

PREPARE = "params.yaml prepare"


@dataclass(frozen=True)
class Champion:
    """The model of the last accepted commit.

    bundle: None if there is none, or if it cannot be compared: then `missing` says why. md5 is that of the bundle's
    listing, DVC's name for the model.
    """

    bundle: Bundle | None
    md5: str | None
    missing: str | None = None


def find_champion(
    tree: Path, path: str, *, stages: Mapping[str, Stage], caches: Caches, split: params.Split
) -> Champion:
    """The champion whose files lie in the tree's folder `path`, as dvc.lock's stages record them.

    It can be compared if its bytes are the recorded ones, its contract is today's, and it was trained under today's
    split: else tonight's test rows may be rows that it was trained on.
    """
    md5 = outputs(stages).get(path)
    if md5 is None:
        return Champion(None, None)
    trained_under = [stage.settings[PREPARE] for stage in stages.values() if PREPARE in stage.settings]
    if split.model_dump() not in [entry.get("split") for entry in trained_under if isinstance(entry, Mapping)]:
        return Champion(None, md5, "it was trained under another prepare.split")
    try:
        return Champion(load_intact(tree, path, md5=md5, caches=caches), md5)
    except ValueError as error:
        return Champion(None, md5, str(error))


def load_intact(tree: Path, path: str, *, md5: str, caches: Caches) -> Bundle:
    """The model in the folder, if its files are the recorded ones: DVC does not always notice a damaged cache.

    Raises: ValueError if a file is missing or another, or if the bundle cannot be loaded.
    """
    recorded = caches.files(path, md5)
    if recorded is None:
        raise ValueError(f"{path}: its files must be in DVC's cache or remote, found no listing {md5}")
    wrong = [name for name, own in recorded.items() if not (tree / name).is_file() or md5_of(tree / name) != own]
    if wrong:
        raise ValueError(f"{path}: its files must be as recorded, found {', '.join(wrong)} missing or changed")
    return Bundle.load(tree / path)


def trial(table: Table, *, champion: Champion, challenger: Bundle) -> Trial:
    """Both models' predictions for tonight's test rows, each with its own encoder, from raw rows."""
    test = table.positions("test")
    rows = table.rows.take(pa.array(test))
    features = rows.select(list(FEATURES))
    _, groups = distinct(features)
    return Trial(
        actual=table.target[test],
        challenger=dollars_of(challenger, rows),
        champion=dollars_of(champion.bundle, rows) if champion.bundle else None,
        groups=groups,
        slices={name: _values(rows[name]) for name in FEATURES},
        mean_usd=float(table.target[table.positions("train")].mean()),
        incomparable=champion.missing,
    )


def dollars_of(bundle: Bundle, rows: pa.RecordBatch) -> np.ndarray:
    """The predicted salaries of clean rows. Shape: (rows,), in US dollars."""
    features = rows.select(list(FEATURES))
    firsts, inverse = distinct(features)
    dollars: np.ndarray = score(bundle, features.take(pa.array(firsts))).predicted[inverse]
    return dollars


def _values(column: pa.DictionaryArray) -> tuple[np.ndarray, list[str]]:
    return column.indices.to_numpy(), [str(value) for value in column.dictionary.to_pylist()]
