"""Trials of a recipe on the rows of tomorrow: each is trained on a cut-off's snapshot, and its predictions are kept.

So a run that was killed goes on where it was: what is on disk, and was computed from the same, is not computed again.
"""

import datetime
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pipeline import params
from pipeline.backtest.error_ratio import Pair
from pipeline.backtest.forward import CutOff, PrepareIn, read_cut_off
from pipeline.data.schema import FEATURES, TARGET
from pipeline.data.split import SPLITS, row_hash
from pipeline.evaluation.noise_floor import cell_numbers
from pipeline.model.bundle import Bundle
from pipeline.runtime import json_file
from pipeline.runtime.drafts import drafts

AS_IS = 0  # the number of the trial that is the recipe itself
LARGEST = 1 << 30  # bytes of a trial's predictions at a cut-off
TRAINED_ON = (*(f"{split}.parquet" for split in SPLITS[:2]), "encoder.json")


@dataclass(frozen=True)
class Scored:
    """A cut-off's future rows, their cells, and by the trial's number its squared errors on them, means over its seeds.

    Shape: cells and each of errors (rows,), in squared units of the target.
    """

    date: datetime.date
    train_rows: int
    cells: np.ndarray
    errors: Mapping[int, np.ndarray]

    def against_as_is(self, number: int) -> Pair:
        """The trial's errors beside those of the recipe as it is."""
        return Pair(self.errors[number], self.errors[AS_IS], self.cells)


@dataclass(frozen=True)
class ForwardValidation:
    """How trials are scored: the tables, the stages that they go through, and where their predictions are kept.

    decided_by: what else than the settings and the tables decides the predictions, such as the code.
    """

    snapshots: Mapping[datetime.date, Path]
    weeks: int
    settings: params.Prepare
    prepare: PrepareIn
    train: Callable[[Path, params.Recipe], Bundle]
    folder: Path
    decided_by: Mapping[str, Any]

    def score(
        self, date: datetime.date, recipes: Mapping[int, Sequence[params.Recipe]], progress: "tqdm[Any]"
    ) -> Scored:
        """Let the recipes predict what the snapshots after the date add: by the trials' numbers, one for each seed."""
        with tempfile.TemporaryDirectory(prefix="tune-") as name:
            cut_off = read_cut_off(
                self.snapshots,
                date,
                weeks=self.weeks,
                settings=self.settings,
                prepare=self.prepare,
                scratch=Path(name),
            )
            hashes = _hashes(cut_off)
            errors = {}
            for number, seeds in recipes.items():
                progress.set_postfix_str(f"{date}, trial {number}")
                predicted = np.stack([self._predictions(cut_off, recipe, hashes, progress) for recipe in seeds])
                errors[number] = ((predicted - cut_off.future[TARGET].to_numpy()) ** 2).mean(axis=0)
        cells = cell_numbers({name: np.array(cut_off.future[name].to_pylist()) for name in FEATURES})
        return Scored(date, cut_off.train.num_rows, cells, errors)

    def _predictions(
        self, cut_off: CutOff, recipe: params.Recipe, hashes: Mapping[str, Any], progress: "tqdm[Any]"
    ) -> np.ndarray:
        """What the recipe predicts for the rows to come, in the target's unit. Shape: (rows,)."""

        def compute() -> np.ndarray:
            bundle = self.train(cut_off.prepared, recipe)
            return bundle.predict(bundle.encoder.encode(cut_off.future))

        found = kept(self.folder, {**self.decided_by, **hashes, "recipe": recipe.model_dump(mode="json")}, compute)
        progress.update()
        return found


def kept(folder: Path, key: Mapping[str, Any], compute: Callable[[], np.ndarray]) -> np.ndarray:
    """The numbers that are in the folder under this key, or that are computed now, and put there whole or not at all.

    key: all that decides the numbers. A file that is damaged is written anew.
    """
    name = hashlib.sha256(json.dumps(key, sort_keys=True, allow_nan=False).encode()).hexdigest()
    file = folder / f"{name}.json"
    try:
        return np.array(json_file.loads(json_file.read_bytes(file, largest=LARGEST), where=str(file)), np.float64)
    except (FileNotFoundError, ValueError):
        numbers = compute()
    with drafts() as draft_of:
        draft_of(file).write_text(json.dumps(numbers.tolist(), allow_nan=False), encoding="utf-8")
    return numbers


def _hashes(cut_off: CutOff) -> dict[str, Any]:
    """What a training at the cut-off reads, and what it predicts, by their hashes."""
    read = {name: hashlib.sha256((cut_off.prepared / name).read_bytes()).hexdigest() for name in TRAINED_ON}
    future = row_hash(cut_off.future, salt="future")  # (future rows,)
    return {"prepared": read, "future": hashlib.sha256(future.tobytes()).hexdigest()}
