"""The settings of params.yaml: their types, ranges and units, section by section. `params.load` reads one of them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.runtime.sections import Section, read
from pipeline.runtime.sections import load as load
from pipeline.runtime.sections import parse as parse

FILE = Path("params.yaml")

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Data(Section):
    """`data:` where the raw table is."""

    path: Annotated[str, Field(min_length=1)]


class Split(Section):
    """`prepare.split:` shares of the rows (the rest is for training), and the salt of the rows' hash."""

    salt: Annotated[str, Field(pattern=r"^[ -~]{1,64}$")]
    valid_fraction: Annotated[float, Field(gt=0, lt=1)]
    test_fraction: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> "Split":
        if self.valid_fraction + self.test_fraction >= 1:
            raise ValueError("valid_fraction + test_fraction must be below 1")
        return self


class Prepare(Section):
    """`prepare:` the split, the encoding and the share of broken rows that may go to quarantine."""

    max_bad_fraction: Fraction
    split: Split
    min_count: Count
    target: Literal["standard", "minmax", "log1p"]


class Mlp(Section):
    """`network: {kind: mlp}` the codes as float inputs, ReLU layers, one linear output."""

    kind: Literal["mlp"]
    hidden: tuple[Count, ...]


class Embedding(Section):
    """`network: {kind: embedding}` embedded codes, a text's words and linear skips beside ReLU layers."""

    kind: Literal["embedding"]
    width: Count
    hidden: tuple[Count, ...]
    dropout: Fraction
    code_dropout: Fraction
    output: Literal["linear", "positive"]


class Optimizer(Section):
    """`optimizer:` Adam with decoupled weight decay (0 is plain Adam), its schedule, and what steadies it."""

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    betas: tuple[Fraction, Fraction]
    schedule: Literal["constant", "one_cycle", "cosine"]
    clip_norm: Annotated[float, Field(gt=0)] | None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None


class Train(Section):
    """`train:` how training keeps its state, for all recipes."""

    checkpoint_every_seconds: Annotated[float, Field(ge=0)]


class Recipe(Section):
    """`recipes.<name>:` one full training setting."""

    features: Annotated[tuple[str, ...], Field(min_length=1)]  # model/network.py holds them against the data contract
    network: Annotated[Mlp | Embedding, Field(discriminator="kind")]
    equal_rows: Literal["each", "once"]
    optimizer: Optimizer
    batch_size: Count
    epochs: Count
    patience: Count | None
    keep: Literal["best", "last"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    engine: Literal["eager", "compiled"]
    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=1, le=1024)]

    @model_validator(mode="after")
    def _name_each_feature_once(self) -> "Recipe":
        if len(set(self.features)) < len(self.features):
            raise ValueError("features must name each feature once")
        return self

    @model_validator(mode="after")
    def _compile_for_the_cpu(self) -> "Recipe":
        if self.engine == "compiled" and self.device != "cpu":
            raise ValueError("engine: compiled needs device: cpu")
        return self


class Evaluate(Section):
    """`evaluate:` how many test rows a slice must have to be shown."""

    min_slice_rows: Count


Limit = Annotated[float, Field(ge=0)] | None


class DriftLimits(Section):
    """`nightly.drift.stop:` and `.warn:` how far tonight's table may be from yesterday's; null is any far."""

    rows_gone: Limit
    rows_added: Limit
    rows_changed: Limit
    estimated_values: Limit
    new_categories: Limit
    stability_index: Limit
    target_mean: Limit
    target_spread: Limit


class Drift(Section):
    """`nightly.drift:` beyond one limit tonight's table is rejected, beyond the other the report says so."""

    stop: DriftLimits
    warn: DriftLimits


class Gate(Section):
    """`nightly.gate:` when a challenger takes the champion's place."""

    tolerance: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_test_rows: Count
    too_few: Literal["promote", "keep"]
    max_over_mean: Annotated[float, Field(gt=0)]
    slice_tolerance: Annotated[float, Field(ge=0)]
    min_slice_rows: Count


class Notify(Section):
    """`nightly.notify:` who is told how the night ended: a command (its words) and a webhook."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None
    webhook: str | None
    seconds: Seconds


class Nightly(Section):
    """`nightly:` where tonight's table comes from, how long each step may take, and what a model must do to go out."""

    source: Annotated[str, Field(min_length=1)] | None
    recipe: str
    tries: Count
    fetch_seconds: Seconds
    repro_seconds: Seconds
    publish_seconds: Seconds
    record_kept: bool
    drift: Drift
    gate: Gate
    notify: Notify


def recipe_names(file: Path = FILE) -> tuple[str, ...]:
    """The names of the recipes in the file, in its order.

    Raises: ValueError if there is none, or if a name could not be that of a file beside the others.
    """
    settings = read(file)
    recipes = settings.get("recipes") if isinstance(settings, Mapping) else None
    if not isinstance(recipes, Mapping) or not recipes:
        raise ValueError(f"{file}: recipes must name one recipe or more, found {recipes!r}")
    for name in recipes:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", str(name)) or name == "prepare":
            raise ValueError(f"{file}: a recipe's name must be a letter, then letters, digits, _ and -, found {name!r}")
    return tuple(recipes)
