"""The settings of params.yaml: their types, ranges and units, section by section. `params.load` reads one of them."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.runtime import sections
from pipeline.runtime.masking import shown_address
from pipeline.runtime.sections import S, Section, did_you_mean
from pipeline.runtime.sections import parse as parse

FILE = Path("params.yaml")

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


def _printable(salt: str) -> str:
    if not re.fullmatch(r"[ -~]{1,64}", salt):
        raise ValueError(f"must be 1 to 64 letters, digits and signs of ASCII, such as v1; found {salt!r}")
    return salt


def _a_file_here(path: str) -> str:
    if re.match(r"[a-z0-9+]+://", path, re.IGNORECASE):  # https://…, s3://…
        url = shown_address(path)
        fix = f"get it (dvc get-url '{url}' data/raw/table.csv), and name that file; nightly.source may be a URL"
        raise ValueError(f"the raw table must be a file on this machine; found a URL, {url}; {fix}")
    return path


Target = Literal["standard", "minmax", "log1p"]
"""How the target is normalised."""


class Data(Section):
    """`data:` where the raw table is."""

    path: Annotated[str, Field(min_length=1), AfterValidator(_a_file_here)]


class Split(Section):
    """`prepare.split:` shares of the rows (the rest is for training), and the salt of the rows' hash."""

    salt: Annotated[str, AfterValidator(_printable)]
    valid_fraction: Annotated[float, Field(gt=0, lt=1)]
    test_fraction: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> "Split":
        if self.valid_fraction + self.test_fraction >= 1:
            found = f"{self.valid_fraction} + {self.test_fraction}: no row would be left to train on"
            raise ValueError(f"valid_fraction + test_fraction must be below 1; found {found}")
        return self


class Prepare(Section):
    """`prepare:` the split, the encoding and the share of broken rows that may go to quarantine."""

    max_bad_fraction: Fraction
    split: Split
    min_count: Count
    target: Target


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

    @model_validator(mode="after")
    def _compile_for_the_cpu(self) -> "Recipe":
        if self.engine == "compiled" and self.device != "cpu":
            raise ValueError(f"engine: compiled needs device: cpu; found device: {self.device}")
        return self


class Fairness(Section):
    """`evaluate.fairness:` how wrong a model may be about a group of the audited columns."""

    max_bias_share: Annotated[float, Field(gt=0, le=1)]
    max_error_ratio: Annotated[float, Field(ge=1)]


MIN_HIDING_ROWS = 10  # among fewer rows one is not hidden


class Evaluate(Section):
    """`evaluate:` how many test rows a slice must have to be shown, and a group to be judged by what limits.

    `single_rows` says whether what goes to git, to reports and into messages may tell of single rows.
    """

    min_slice_rows: Count
    single_rows: bool
    fairness: Fairness

    @model_validator(mode="after")
    def _hide_a_row_among_others(self) -> "Evaluate":
        if not self.single_rows and self.min_slice_rows < MIN_HIDING_ROWS:
            rule = f"min_slice_rows must be {MIN_HIDING_ROWS} or more where single_rows is false"
            raise ValueError(f"{rule}, so that none is alone; found {self.min_slice_rows}: raise it")
        return self

    @property
    def least_rows(self) -> int:
        """The fewest rows that anything in git, in a report or in a message may be told of."""
        return 1 if self.single_rows else self.min_slice_rows


Limit = Annotated[float, Field(ge=0)] | None


class DriftLimits(Section):
    """`nightly.drift.stop:` and `.warn:` how far tonight's table and its new rows may be off; null is any far."""

    rows_gone: Limit
    rows_added: Limit
    rows_changed: Limit
    estimated_values: Limit
    new_categories: Limit
    stability_index: Limit
    target_mean: Limit
    target_spread: Limit
    unseen_values: Limit
    new_rows_bias: Limit
    new_rows_error: Limit
    new_rows_coverage: Limit
    bias_over_nights: Limit


class Drift(Section):
    """`nightly.drift:` beyond one limit tonight's table is rejected, beyond the other the report says so.

    What new rows say is beyond a limit if it is so with this confidence, and if they are enough.
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_new_rows: Count
    stop: DriftLimits
    warn: DriftLimits


class Gate(Section):
    """`nightly.gate:` when a challenger takes the champion's place."""

    tolerance: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_test_rows: Count
    too_few: Literal["promote", "keep"]
    max_over_mean: Annotated[float, Field(gt=0)]
    max_over_ridge: Annotated[float, Field(gt=0)] | None
    slice_tolerance: Annotated[float, Field(ge=0)]
    min_slice_rows: Count


class StalenessLimits(Section):
    """`nightly.staleness.stop:` and `.warn:` how many days or nights nothing may have changed; null is any number."""

    champion_days: Limit
    source_days: Limit
    kept_in_a_row: Limit


class Staleness(Section):
    """`nightly.staleness:` beyond one limit a quiet night needs somebody, beyond the other its message says so."""

    stop: StalenessLimits
    warn: StalenessLimits


def _a_link(link: str) -> str:
    if not re.fullmatch(r"https?://\S+", link):  # not shown: it may hold a password
        raise ValueError("must be an address that begins with https:// or http://, without blanks; found another text")
    rest = link.replace("{commit}", "").replace("{date}", "")
    if braces := re.search(r"\{[^}]*\}?|\}", rest):
        raise ValueError(
            f"must have nothing in braces but {{commit}} and {{date}}; found {braces[0]}: write one of these"
        )
    return link


MessageFormat = Literal["json", "slack", "teams", "text"]
"""The form of what is said of a night."""


class Notify(Section):
    """`nightly.notify:` who is told how the night ended, and in which form: a command (its words) and a webhook.

    The heartbeat is an address that only hears that a night has ended.
    """

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None
    webhook: str | None
    heartbeat: str | None
    format: MessageFormat
    link: Annotated[str, AfterValidator(_a_link)] | None
    seconds: Seconds


class Nightly(Section):
    """`nightly:` where tonight's table comes from, how long each step may take, and what a model must do to go out."""

    source: Annotated[str, Field(min_length=1)] | None
    recipe: str
    tries: Count
    fetch_seconds: Seconds
    max_bytes: Count | None
    repro_seconds: Seconds
    publish_seconds: Seconds
    record_kept: bool
    drift: Drift
    gate: Gate
    staleness: Staleness
    notify: Notify


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
        for name, recipe in load(Settings).recipes.items():
            check_features(recipe.features, features or recipe.features, where=f"{FILE}: recipes.{name}")


def check_features(features: Sequence[str], contract: Collection[str], *, where: str) -> None:
    """Raise ValueError if a recipe's feature is none of the data contract's; `where` is the recipe's path."""
    for index, name in enumerate(features):
        if name not in contract:
            rule = f"must be a feature of the data contract, one of {', '.join(contract)}"
            raise ValueError(f'{where}.features.{index} {rule}; found "{name}"{did_you_mean(name, contract)}')
