"""The shipped recipes as methods among others: `full` with the settings that may be tuned."""

from functools import reduce
from operator import getitem
from typing import Any

from benchmarks.accuracy.future_rows import CutOff
from benchmarks.accuracy.stages import train_in
from benchmarks.accuracy.tuned_baselines import Predict, Rival, Settings, choice, log_uniform
from pipeline import params
from pipeline.model.bundle import Bundle

WITHOUT_YEAR = [
    *("experience_level", "employment_type", "job_title", "employee_residence"),
    *("remote_ratio", "company_location", "company_size"),
]
SPACE = {
    "optimizer.learning_rate": log_uniform(0.002, 0.01),
    "optimizer.weight_decay": log_uniform(0.01, 5),
    "network.dropout": choice(0.0, 0.1, 0.2),
    "network.code_dropout": choice(0.03, 0.1, 0.2),
    "network.width": choice(8, 16),
    "network.hidden": choice([64, 64], [128, 128]),
    "max_steps": choice(80, 150, 300),
    "equal_rows": choice("once", "each"),
    "features": choice(WITHOUT_YEAR, ["work_year", *WITHOUT_YEAR]),
}
"""What `full` may try, by paths in its block of params.yaml."""


def full() -> Rival:
    """`full` as params.yaml has it, but for the settings that it is fitted with."""
    return Rival(SPACE, lambda cut_off, settings: _predict(train_full(cut_off, settings)), "torch")


def train_full(cut_off: CutOff, settings: Settings) -> Bundle:
    """`full` with these settings, trained on the cut-off's training rows."""
    recipe = params.load(params.Recipe, "recipes", "full")
    return train_in(cut_off.prepared, with_settings(recipe, settings))


def course(cut_off: CutOff) -> Predict:
    """What `course`, trained on the cut-off's training rows, predicts."""
    return _predict(train_in(cut_off.prepared, params.load(params.Recipe, "recipes", "course")))


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


def _predict(bundle: Bundle) -> Predict:
    return lambda rows: bundle.predict(bundle.encoder.encode(rows))
