"""The model bundle on disk: a folder with the weights, the encoder, the recipe and all that predictions need besides.

It loads with nothing else at hand, in another process, and predicts the same to the last bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.schema import GROUP, VERSION
from pipeline.model.intervals import Intervals
from pipeline.model.network import Regressor, build
from pipeline.model.reproducible import safetensors, torch

WEIGHTS, BACKGROUND, ENCODER, BUNDLE = "weights.safetensors", "background.safetensors", "encoder.json", "bundle.json"
DAMAGE = (
    *(json.JSONDecodeError, UnicodeDecodeError),
    *(KeyError, TypeError, AttributeError),
    *(RuntimeError, safetensors.SafetensorError),
)
"""What the readers of the files raise when one is not as it was written."""
RENAMED = {"promise": "reproducibility", "reach": "quantiles"}
"""What bundles written before 2026-11-25 call by another word. They also name the loss, of which there was only one.
They have no word for a network's output, which was linear, and none for the intervals' offset, which was 0."""


@dataclass(frozen=True)
class Bundle:
    """A trained network, the encoder it was trained with, its recipe, its intervals, and the facts of its training.

    The background are representative training rows, as the network reads them, that explanations compare with.
    Shape: background (rows,) int16 by column.
    """

    network: Regressor
    encoder: Encoder
    recipe: params.Recipe
    intervals: Intervals
    background: Mapping[str, np.ndarray]
    provenance: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write the bundle; the same bundle has the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: weight.clone() for name, weight in sorted(self.network.state_dict().items())}
        (folder / WEIGHTS).write_bytes(safetensors.torch.save(weights))
        rows = {name: torch.tensor(codes) for name, codes in sorted(self.background.items())}
        (folder / BACKGROUND).write_bytes(safetensors.torch.save(rows))
        (folder / ENCODER).write_text(self.encoder.to_json(), encoding="utf-8")
        facts = {
            "contract_version": VERSION,
            "recipe": self.recipe.model_dump(mode="json"),
            "intervals": self.intervals.to_dict(),
            **self.provenance,
        }
        (folder / BUNDLE).write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The bundle in the folder.

        Raises: ValueError if a file is missing or damaged, or if the bundle was made under another data contract.
        """
        for name in (WEIGHTS, BACKGROUND, ENCODER, BUNDLE):
            if not (folder / name).is_file():
                raise ValueError(f"{folder}: a model bundle must hold {name}, found none; train it with dvc repro")
        try:
            return cls._load(folder)
        except DAMAGE as error:
            rule = "a model bundle must be as train wrote it"
            raise ValueError(f"{folder}: {rule}, found {type(error).__name__}: {error}; train it again") from None

    @classmethod
    def _load(cls, folder: Path) -> Self:
        facts = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
        if (found := facts.pop("contract_version")) != VERSION:
            raise ValueError(f"{folder}: the bundle must be of data contract {VERSION}, found {found}; train it again")
        facts, where = _in_todays_words(facts), f"{folder / BUNDLE}: recipe"
        recipe = params.parse(params.Recipe, facts.pop("recipe"), where=where)
        intervals = Intervals.from_dict(facts.pop("intervals"))
        encoder = Encoder.read(folder / ENCODER)
        network = build(recipe, encoder, generator=torch.Generator(), where=where)
        weights = safetensors.torch.load((folder / WEIGHTS).read_bytes())
        if broken := [name for name, weight in weights.items() if not weight.isfinite().all()]:
            found = f"NaN or infinity in {', '.join(broken)}"
            raise ValueError(f"{folder / WEIGHTS}: weights must be finite, found {found}; train it again")
        network.load_state_dict(weights)
        rows = safetensors.torch.load((folder / BACKGROUND).read_bytes())
        background = {name: rows[name].numpy() for name in network.columns}
        return cls(network.eval(), encoder, recipe, intervals, background, facts)

    def predict(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The predicted target in normalised units, as the network gives it; `predict_in_unit` bounds it.

        Shape: codes by column, each (rows,); returns (rows,) float32.
        """
        return self.network.predict(self.network.inputs(codes)).numpy()

    def predict_in_unit(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The predicted target in UNIT, within the contract's bounds.

        Shape: codes by column, each (rows,); returns (rows,) float64.
        """
        return self.encoder.scaling.denormalise(self.predict(codes))

    def interval(
        self, prediction: np.ndarray, codes: Mapping[str, np.ndarray], *, percent: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends, in UNIT, of the intervals of 80 or 95 % around predictions in UNIT.

        Shape: prediction and the codes of the column GROUP (rows,); returns two (rows,).
        """
        return self.intervals.around(prediction, group=codes[GROUP], percent=percent)


def _in_todays_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a bundle.json as they are written today, whatever its age: see RENAMED."""
    recipe = {key: value for key, value in facts["recipe"].items() if (key, value) != ("loss", "mse")}
    if recipe["network"]["kind"] == "embedding":
        recipe["network"] = {"output": "linear"} | recipe["network"]
    intervals = {"offset": 0.0} | {RENAMED.get(key, key): value for key, value in facts["intervals"].items()}
    return {RENAMED.get(key, key): value for key, value in facts.items()} | {"recipe": recipe, "intervals": intervals}
