"""`train:` and `recipes:` how a network is built and trained."""

import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.runtime.sections import Section
from pipeline.settings.numbers import Count, Fraction


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


def _each_once(features: tuple[str, ...]) -> tuple[str, ...]:
    for name, times in Counter(features).items():
        if times > 1:
            raise ValueError(f"each feature must be named once; found {name} {times} times: delete all but one")
    return features


class Recipe(Section):
    """`recipes.<name>:` one full training setting."""

    features: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_each_once)]  # see `check_features`
    network: Annotated[Mlp | Embedding, Field(discriminator="kind")]
    equal_rows: Literal["each", "once"]
    optimizer: Optimizer
    batch_size: Count
    epochs: Count
    max_steps: Count | None = None  # on many rows: the epoch in which it is made is the last
    patience: Count | None
    keep: Literal["best", "last"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    engine: Literal["eager", "compiled"]
    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=1, le=1024)]
    shards: Literal[2, 4, 8, 16, 32, 64] | None = None  # of a batch; as many workers can train, or some divisor of it

    @model_validator(mode="after")
    def _compile_for_the_cpu(self) -> "Recipe":
        if self.engine == "compiled" and self.device != "cpu":
            raise ValueError(f"engine: compiled needs device: cpu; found device: {self.device}")
        return self

    @model_validator(mode="after")
    def _shard_eagerly_on_the_cpu(self) -> "Recipe":
        if self.shards is None:
            return self
        if (self.engine, self.device) != ("eager", "cpu"):
            found = f"engine: {self.engine} and device: {self.device}"
            raise ValueError(f"shards: {self.shards} needs engine: eager and device: cpu; found {found}")
        if self.batch_size < self.shards:
            rule = f"shards: {self.shards} needs as many rows in a batch, or more"
            raise ValueError(f"{rule}; found batch_size: {self.batch_size}")
        return self


def _name_of_a_recipe(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name == "prepare":
        rule = "a recipe's name must be a letter, then letters, digits, _ and -, since it names files, and not prepare"
        raise ValueError(f"{rule}; found {name!r}")
    return name


def _different_files(recipes: dict[str, Recipe]) -> dict[str, Recipe]:
    """Refuse names that are one on the disks of macOS and Windows."""
    first: dict[str, str] = {}
    for name in recipes:
        if (other := first.setdefault(name.lower(), name)) != name:
            rule = "recipes' names must differ in more than capitals, since they name files"
            raise ValueError(f"{rule}; found {other} and {name}: rename one")
    return recipes


Recipes = Annotated[
    dict[Annotated[str, AfterValidator(_name_of_a_recipe)], Recipe],
    Field(min_length=1),
    AfterValidator(_different_files),
]
