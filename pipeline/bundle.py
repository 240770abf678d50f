"""The model bundle on disk: a folder with the weights, the encoder, the recipe, the intervals and where they come from.

It loads with nothing else at hand, in another process, and predicts the same to the last bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import params
from pipeline.conformal import LEVEL, Intervals
from pipeline.encoding import Encoder
from pipeline.network import Regressor, build
from pipeline.reproducible import safetensors, torch
from pipeline.schema import VERSION

WEIGHTS, ENCODER, BUNDLE = "weights.safetensors", "encoder.json", "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """A trained network, the encoder it was trained with, its recipe, its intervals, and the facts of its training."""

    network: Regressor
    encoder: Encoder
    recipe: params.Recipe
    intervals: Intervals
    provenance: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write the bundle; the same bundle has the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: weight.clone() for name, weight in sorted(self.network.state_dict().items())}
        (folder / WEIGHTS).write_bytes(safetensors.torch.save(weights))
        (folder / ENCODER).write_text(self.encoder.to_json(), encoding="utf-8")
        facts = {
            "contract_version": VERSION,
            "recipe": self.recipe.model_dump(mode="json"),
            "intervals": self.intervals.to_dict(),
            **self.provenance,
        }
        (folder / BUNDLE).write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """The bundle in the folder.

        Raises: ValueError if a file is missing, or if the bundle was made under another data contract.
        """
        for name in (WEIGHTS, ENCODER, BUNDLE):
            if not (folder / name).is_file():
                raise ValueError(f"{folder}: a model bundle must hold {name}, found none; train it with dvc repro")
        facts = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
        if (found := facts.pop("contract_version")) != VERSION:
            raise ValueError(f"{folder}: the bundle must be of data contract {VERSION}, found {found}; train it again")
        recipe = params.parse(params.Recipe, facts.pop("recipe"), where=f"{folder / BUNDLE}: recipe")
        intervals = Intervals.from_dict(facts.pop("intervals"))
        encoder = Encoder.read(folder / ENCODER)
        network = build(recipe, sizes=encoder.sizes(), generator=torch.Generator())
        network.load_state_dict(safetensors.torch.load((folder / WEIGHTS).read_bytes()))
        return cls(network.eval(), encoder, recipe, intervals, facts)

    def predict(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """Predicted salaries in normalised units; `encoder.scaling.to_dollars` turns them into US dollars.

        Shape: codes by column, each (rows,); returns (rows,) float32.
        """
        return self.network.predict(self.network.inputs(codes)).numpy()

    def interval(
        self, dollars: np.ndarray, codes: Mapping[str, np.ndarray], *, percent: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends, in US dollars, of the intervals of 80 or 95 % around predicted salaries.

        Shape: dollars and codes of the experience level (rows,); returns two (rows,).
        """
        return self.intervals.around(dollars, group=codes[LEVEL], percent=percent)
