"""The model bundle on disk: a folder with the weights, the encoder, the recipe and all that predictions need besides.

It loads with nothing else at hand, without torch, on another machine, and predicts the same to the last bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline import params
from pipeline.data import encoder_fields
from pipeline.data.encoding import Encoder
from pipeline.data.schema import GROUP, VERSION
from pipeline.model import tensors
from pipeline.model.bundle_fields import (
    BACKGROUND,
    BUNDLE,
    ENCODER,
    FILES,
    LARGEST_FILE,
    PROVENANCE,
    WEIGHTS,
    check_hash,
    hashes_of,
    parse,
)
from pipeline.model.intervals import Intervals
from pipeline.model.trained import TrainedNetwork, trained
from pipeline.runtime import json_file

BACKGROUND_ROWS = 256
FIX = "train it again, or bring it anew (dvc checkout, dvc pull)"


@dataclass(frozen=True)
class Bundle:
    """A trained network, the encoder it was trained with, its recipe, its intervals, and the facts of its training.

    The background are representative training rows, as the network reads them, that explanations compare with.
    Shape: background (rows,) int16 by column.
    """

    network: TrainedNetwork
    encoder: Encoder
    recipe: params.Recipe
    intervals: Intervals
    background: Mapping[str, np.ndarray]
    provenance: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write the bundle; the same bundle has the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            WEIGHTS: tensors.to_bytes(self.network.weights),
            BACKGROUND: tensors.to_bytes(self.background),
            ENCODER: self.encoder.to_json().encode(),
        }
        facts = {
            "contract_version": VERSION,
            "recipe": self.recipe.model_dump(mode="json"),
            "intervals": self.intervals.to_dict(),
            **self.provenance,
        }
        facts["sha256"] = hashes_of(files, facts)
        files[BUNDLE] = (json.dumps(facts, indent=2, allow_nan=False) + "\n").encode()
        for name, content in files.items():
            (folder / name).write_bytes(content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The bundle in the folder; files of strangers are held to all that a bundle can be, before any is used.

        Raises: ValueError if a file is missing or damaged, or if the bundle was made under another data contract.
        """
        if not folder.is_dir():
            raise ValueError(f"{folder}: a model bundle must be a folder, found none; name another, or run dvc repro")
        for name in FILES:
            if not (folder / name).is_file():
                raise ValueError(f"{folder}: a model bundle must hold {name}, found none; train it with dvc repro")
        try:
            return cls._load(folder)
        except ValueError as error:
            raise ValueError(f"{error}; {FIX}") from None

    @classmethod
    def _load(cls, folder: Path) -> Self:
        path = folder / BUNDLE
        facts = json_file.loads(json_file.read_bytes(path, largest=LARGEST_FILE), where=str(path))
        fields = parse(facts, path=path)
        intervals = Intervals.from_dict(fields.intervals.model_dump())
        content = _read(folder / ENCODER, largest=encoder_fields.LARGEST_FILE, hashes=fields.sha256)
        encoder = Encoder.from_json(content, where=str(folder / ENCODER))
        if len(intervals.shares) != (groups := encoder.sizes()[GROUP]):
            rule = f"{path}: intervals.shares must be {groups}, one for each code of {GROUP}"
            raise ValueError(f"{rule}; found {len(intervals.shares)}")
        weights = _read_weights(folder / WEIGHTS, tensors.weight_shapes(fields.recipe, encoder), hashes=fields.sha256)
        network = trained(fields.recipe, encoder, weights)
        sizes = {name: encoder.sizes()[name] for name in network.columns}
        background = _read_background(folder / BACKGROUND, sizes, hashes=fields.sha256)
        provenance = {key: value for key, value in facts.items() if key in PROVENANCE}
        return cls(network, encoder, fields.recipe, intervals, background, provenance)

    def predict_normalised(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The predicted target in normalised units, as the network gives it; `predict` bounds it.

        Shape: codes by column, each (rows,); returns (rows,) float32.
        """
        return self.network.predict_normalised(codes)

    def predict(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The predicted target in UNIT, within the contract's bounds.

        Shape: codes by column, each (rows,); returns (rows,) float64.
        """
        return self.encoder.scaling.denormalise(self.predict_normalised(codes))

    def interval(
        self, prediction: np.ndarray, codes: Mapping[str, np.ndarray], *, percent: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends, in UNIT, of the intervals of 80 or 95 % around predictions in UNIT.

        Shape: prediction and the codes of the column GROUP (rows,); returns two (rows,).
        """
        return self.intervals.around(prediction, group=codes[GROUP], percent=percent)


def _read(path: Path, *, largest: int, hashes: Mapping[str, str]) -> bytes:
    """The file's bytes, if they have the hash that bundle.json says."""
    content = json_file.read_bytes(path, largest=largest)
    check_hash(content, hashes, path=path)
    return content


def _read_weights(path: Path, shapes: tensors.Shapes, *, hashes: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The weights, by name, if they have these shapes and are finite."""
    content = _read(path, largest=tensors.largest_file(shapes, np.float32), hashes=hashes)
    weights = tensors.read_tensors(content, where=str(path))
    tensors.check_tensors(weights, shapes, np.float32, where=str(path))
    if broken := [name for name, weight in weights.items() if not np.isfinite(weight).all()]:
        raise ValueError(f"{path}: weights must be finite, found NaN or infinity in {', '.join(broken)}")
    return weights


def _read_background(path: Path, sizes: Mapping[str, int], *, hashes: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The rows to compare with, by column, if each column has as many codes, and none that there is not.

    Shape: sizes by column, how many codes it can hold; returns each (rows,) int16.
    """
    largest = tensors.largest_file(dict.fromkeys(sizes, (BACKGROUND_ROWS,)), np.int16)
    rows = tensors.read_tensors(_read(path, largest=largest, hashes=hashes), where=str(path))
    count = max((tensor.size for tensor in rows.values()), default=0)
    if not 1 <= count <= BACKGROUND_ROWS:
        raise ValueError(f"{path} must hold 1 to {BACKGROUND_ROWS} rows, found {count}")
    tensors.check_tensors(rows, dict.fromkeys(sizes, (count,)), np.int16, where=str(path))
    for name, size in sizes.items():
        if wrong := [code for code in rows[name].tolist() if not 0 <= code < size]:
            raise ValueError(f"{path}: {name} must hold codes from 0 to {size - 1}, found {wrong[0]}")
    return {name: rows[name] for name in sizes}
