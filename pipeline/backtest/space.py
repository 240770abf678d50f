"""What tuning may try: for each setting, by its path in a recipe's block of params.yaml, what it is drawn from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any

import numpy as np

from pipeline import params
from pipeline.data.schema import FEATURES

Settings = Mapping[str, Any]
"""Values by their paths, such as `{"optimizer.learning_rate": 0.006}`."""
Distribution = Callable[[np.random.Generator], Any]  # draws one value
DIGITS = 3  # of a number that is drawn: more would tell nothing, and be longer to read


def log_uniform(low: float, high: float) -> Distribution:
    """A number from low to high, its logarithm evenly spread."""
    return lambda rng: float(np.exp(rng.uniform(np.log(low), np.log(high))))


def choice(*values: object) -> Distribution:
    """One of the values."""
    return lambda rng: values[rng.integers(len(values))]


SPACES: Mapping[str, Mapping[str, Distribution]] = {
    "embedding": {
        "optimizer.learning_rate": log_uniform(0.002, 0.01),
        "optimizer.weight_decay": log_uniform(0.01, 5),
        "network.dropout": choice(0.0, 0.1, 0.2),
        "network.code_dropout": choice(0.03, 0.1, 0.2),
        "network.width": choice(8, 16),
        "network.hidden": choice([64, 64], [128, 128]),
        "max_steps": choice(80, 150, 300),
        "equal_rows": choice("once", "each"),
    },
    "mlp": {
        "optimizer.learning_rate": log_uniform(0.0003, 0.003),
        "optimizer.weight_decay": log_uniform(0.001, 1),
        "network.hidden": choice([16, 8], [32, 16], [64, 64]),
        "max_steps": choice(2000, 5000, 20000),
        "equal_rows": choice("once", "each"),
    },
}
"""By the kind of the recipe's network. Only what the recipe sets is tuned: a `max_steps` of null stays."""


def one_changed(features: Sequence[str]) -> Distribution:
    """The features as they are, at least every other time; else without one, or with another one of the contract's."""
    others = [
        [name for name in features if name != changed] + ([changed] if changed not in features else [])
        for changed in FEATURES
    ]
    return choice(*[list(features)] * len(others), *filter(None, others))  # a recipe reads one feature or more


@dataclass(frozen=True)
class Trial:
    """A recipe to try, and its settings that differ from those of the recipe as it is."""

    recipe: params.Recipe
    changes: Settings


def trials_of(recipe: params.Recipe, *, count: int) -> list[Trial]:
    """The recipe as it is, and after it so many others; always the same, and the first ones whatever the count."""
    rng = np.random.default_rng(0)
    space = _space_of(recipe)
    drawn = [{path: _short(draw(rng)) for path, draw in space.items()} for _ in range(count)]
    return [
        Trial(with_settings(recipe, settings), _differing(settings, recipe.model_dump(mode="json")))
        for settings in ({}, *drawn)
    ]


def with_settings(recipe: params.Recipe, settings: Settings) -> params.Recipe:
    """The recipe with other settings, given by their paths in its block of params.yaml."""
    facts = recipe.model_dump(mode="json")
    put(settings, facts)
    return params.parse(params.Recipe, facts, where="recipe")


def put(settings: Settings, facts: Any) -> None:  # noqa: ANN401 (what YAML holds)
    """Write settings, given by their paths, into what holds them."""
    for path, value in settings.items():
        *sections, key = path.split(".")
        reduce(getitem, sections, facts)[key] = value


def _space_of(recipe: params.Recipe) -> Mapping[str, Distribution]:
    facts = recipe.model_dump(mode="json")
    space = {path: draw for path, draw in SPACES[recipe.network.kind].items() if _at(path, facts) is not None}
    return space | {"features": one_changed(recipe.features)}


def _differing(settings: Settings, facts: Any) -> Settings:  # noqa: ANN401 (what YAML holds)
    return {path: value for path, value in settings.items() if value != _at(path, facts)}


def _at(path: str, facts: Any) -> Any:  # noqa: ANN401 (what YAML holds)
    return reduce(getitem, path.split("."), facts)


def _short(value: Any) -> Any:  # noqa: ANN401 (what YAML holds)
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
