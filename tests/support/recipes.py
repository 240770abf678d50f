"""Recipes for the tests, small, with what a test wants different, and rows made up for their networks."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.encoding import Encoder, Scaling
from pipeline.model.network import Regressor, build
from pipeline.model.reproducible import DataLoader, TensorDataset, torch
from pipeline.params import Recipe, parse
from pipeline.training.fit import START, TrainingState, fit
from pipeline.training.validation import ValidationBlock

OPTIMIZER = {
    "learning_rate": 0.001,
    "weight_decay": 0.0,
    "betas": [0.9, 0.999],
    "schedule": "constant",
    "clip_norm": None,
    "ema_decay": None,
}
COURSE = {
    "features": ["experience_level", "employment_type", "remote_ratio", "company_size"],
    "network": {"kind": "mlp", "hidden": [16, 8]},
    "equal_rows": "each",
    "optimizer": OPTIMIZER,
    "batch_size": 4,
    "epochs": 2,
    "patience": None,
    "keep": "last",
    "seed": 1,
    "engine": "eager",
    "device": "cpu",
    "threads": 1,
}
EMBEDDING: dict[str, Any] = {
    "features": ["work_year", "job_title", "company_size", "company_location"],
    "network": {
        "kind": "embedding",
        "width": 5,
        "hidden": [7, 6],
        "dropout": 0.2,
        "code_dropout": 0.1,
        "output": "positive",
    },
}
WORDS = tuple(f"title_word_{slot}" for slot in range(1, 7))
FEATURE_SIZES = {"work_year": 4, "job_title": 9, "company_size": 4, "company_location": 6}
SIZES = FEATURE_SIZES | dict.fromkeys(WORDS, 12)
ENCODER = Encoder(
    vocabularies={name: tuple(range(1, size)) for name, size in FEATURE_SIZES.items()},
    words=tuple(map(str, range(11))),
    scaling=Scaling("standard", 130_000.0, 60_000.0),
)


def make_recipe(*, optimizer=None, **changes) -> Recipe:
    """The course's recipe; of its optimizer, too, only what is different need be said."""
    return parse(Recipe, COURSE | changes | {"optimizer": OPTIMIZER | (optimizer or {})}, where="test")


def seeded(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_network(recipe, *, seed=0, encoder=ENCODER) -> Regressor:
    return build(recipe, encoder, generator=seeded(seed))


def make_codes(columns, *, rows, seed=0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {name: draw.integers(0, SIZES.get(name, 5), rows).astype(np.int16) for name in columns}


def make_rows(network, *, rows, seed=0) -> TensorDataset:
    """Codes as the network reads them, and a salary that depends on them. Shape: (rows, columns) and (rows, 1)."""
    inputs = network.inputs(make_codes(network.columns, rows=rows, seed=seed))
    noise = torch.rand(rows, 1, generator=seeded(seed))
    return TensorDataset(inputs, inputs[:, :4].float().mean(1, keepdim=True) - 2 + noise)


def in_one_block(rows: TensorDataset) -> list[ValidationBlock]:
    """The rows to validate on, each of which is predicted."""
    inputs, target = rows.tensors
    return [ValidationBlock(inputs, torch.arange(len(rows)), target.squeeze(1))]


@dataclass(frozen=True)
class Training:
    """All that the loop is given."""

    network: Regressor
    loader: "DataLoader[tuple[torch.Tensor, ...]]"
    valid: TensorDataset
    recipe: Recipe

    def run(self, start: TrainingState = START) -> list[TrainingState]:
        """Train; returns what was at the end of each epoch."""
        valid = in_one_block(self.valid)
        return list(fit(self.network, loader=self.loader, valid=valid, recipe=self.recipe, start=start))


def make_training(recipe, *, train=None, rows=42, seed=None, encoder=ENCODER) -> Training:
    """A fresh network and rows for it; the seed of the draws, but not of the rows, is the recipe's or another."""
    seed = recipe.seed if seed is None else seed
    network = make_network(recipe, seed=seed, encoder=encoder)
    train = train or make_rows(network, rows=rows, seed=1)
    if recipe.equal_rows == "once":
        train = TensorDataset(*train.tensors, torch.rand(rows, 1, generator=seeded(2)) + 0.5)
    loader = DataLoader(train, recipe.batch_size, shuffle=True, generator=seeded(seed))
    return Training(network, loader, make_rows(network, rows=rows, seed=3), recipe)
