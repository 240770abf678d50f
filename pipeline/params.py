"""The settings of params.yaml. `params.load` reads a section of them; pipeline/settings/ has the sections."""

from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import model_validator

from pipeline.runtime import sections
from pipeline.runtime.masking import shown_address
from pipeline.runtime.sections import S, Section, did_you_mean, parse
from pipeline.settings.evaluate import MIN_HIDING_ROWS, Evaluate, Fairness
from pipeline.settings.nightly import (
    Drift,
    DriftLimits,
    Gate,
    MessageFormat,
    Nightly,
    Notify,
    Staleness,
    StalenessLimits,
)
from pipeline.settings.numbers import Count
from pipeline.settings.recipe import Embedding, Mlp, Optimizer, Recipe, Recipes, Train
from pipeline.settings.table import Data, Prepare, Split, Target

__all__ = [
    "FILE",
    "MIN_HIDING_ROWS",
    "Count",
    "Data",
    "Drift",
    "DriftLimits",
    "Embedding",
    "Evaluate",
    "Fairness",
    "Gate",
    "MessageFormat",
    "Mlp",
    "Nightly",
    "Notify",
    "Optimizer",
    "Prepare",
    "Recipe",
    "Recipes",
    "Settings",
    "Split",
    "Staleness",
    "StalenessLimits",
    "Target",
    "Train",
    "check",
    "check_features",
    "check_project",
    "load",
    "parse",
    "recipe_names",
]

FILE = Path("params.yaml")


class Settings(Section):
    """All of the file."""

    data: Data
    prepare: Prepare
    train: Train
    evaluate: Evaluate
    nightly: Nightly
    recipes: Recipes

    @model_validator(mode="after")
    def _hide_a_row_in_a_slice_of_nights(self) -> "Settings":
        if not self.evaluate.single_rows and (rows := self.nightly.gate.min_slice_rows) < MIN_HIDING_ROWS:
            rule = f"nightly.gate.min_slice_rows must be {MIN_HIDING_ROWS} or more where evaluate.single_rows is false"
            raise ValueError(f"{rule}, as a night names slices; found {rows}: raise it")
        return self

    @model_validator(mode="after")
    def _spend_nights_on_a_recipe(self) -> "Settings":
        if (name := self.nightly.recipe) not in self.recipes:
            found = f"found {shown_address(name)}{did_you_mean(name, self.recipes)}"
            raise ValueError(f"nightly.recipe must be the name of a recipe, one of {', '.join(self.recipes)}; {found}")
        return self


def load(section: type[S], *keys: str, file: Path = FILE) -> S:
    """The settings under `keys`, for example `load(Recipe, "recipes", "full")`.

    Raises: ValueError if the file is missing, or anything in it is wrong, under other keys too.
    """
    sections.load(Settings, file=file)
    return sections.load(section, *keys, file=file)


def recipe_names(file: Path = FILE) -> tuple[str, ...]:
    """The names of the recipes, in the file's order. Raises: ValueError as `load`."""
    return tuple(load(Settings, file=file).recipes)


def check(features: Collection[str] = ()) -> None:
    """Check all of the project's settings, before a command does anything; elsewhere it may work without any.

    features: the data contract's, if the command knows them: then a recipe may name no other.
    Raises: ValueError as `load`.
    """
    in_project = FILE.resolve() == Path(__file__).resolve().parents[1] / FILE
    if in_project and (FILE.exists() or Path("dvc.yaml").exists()):
        check_project(features)


def check_project(features: Collection[str] = ()) -> None:
    """Check all settings as `check`, for a command that works in a project only.

    Raises: ValueError as `load`, so if the current folder is no project's.
    """
    for name, recipe in load(Settings).recipes.items():
        check_features(recipe.features, features or recipe.features, where=f"{FILE}: recipes.{name}")


def check_features(features: Sequence[str], contract: Collection[str], *, where: str) -> None:
    """Raise ValueError if a recipe's feature is none of the data contract's; `where` is the recipe's path."""
    for index, name in enumerate(features):
        if name not in contract:
            rule = f"must be a feature of the data contract, one of {', '.join(contract)}"
            raise ValueError(f'{where}.features.{index} {rule}; found "{name}"{did_you_mean(name, contract)}')
