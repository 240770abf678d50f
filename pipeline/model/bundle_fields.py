"""What a bundle.json must hold, and the hashes by which damage is noticed."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pipeline import params
from pipeline.data.encoder_fields import ContractVersion, check_version
from pipeline.data.schema import FEATURES, LARGEST, SMALLEST
from pipeline.model.intervals import PERCENTS
from pipeline.runtime import sections
from pipeline.runtime.sections import Section

WEIGHTS, BACKGROUND, ENCODER, BUNDLE = "weights.safetensors", "background.safetensors", "encoder.json", "bundle.json"
FILES = (WEIGHTS, BACKGROUND, ENCODER, BUNDLE)
LARGEST_FILE = 1 << 20  # bytes of a bundle.json: it names a share for each value of one feature, and little more
HUGE = 1e30  # far beyond any share or quantile of training; a product of two is finite
PROVENANCE = ("kept_epoch", "reproducibility", "packages", "data")

End = Annotated[float, Field(ge=-HUGE, le=HUGE)] | None
Text = Annotated[str, Field(max_length=200)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class IntervalFields(Section):
    """`intervals:` as `Intervals` has them; an infinite quantile is null."""

    shares: tuple[Annotated[float, Field(gt=0, le=HUGE)], ...]
    offset: Annotated[float, Field(ge=min(SMALLEST, 0), le=LARGEST)]
    quantiles: dict[str, tuple[End, End]]

    @model_validator(mode="after")
    def _widen_with_the_percent(self) -> "IntervalFields":
        if list(self.quantiles) != [str(percent) for percent in PERCENTS]:
            found = ", ".join(self.quantiles)[:80]
            raise ValueError(f"quantiles must be of {' and '.join(map(str, PERCENTS))} percent; found {found}")
        ends = [[math.inf if end is None else end for end in pair] for pair in self.quantiles.values()]
        if any(list(side) != sorted(side) for side in zip(*ends, strict=True)):
            raise ValueError(f"quantiles must not fall as the percent rises; found {ends}")
        return self


def _of_each_file(hashes: dict[str, str]) -> dict[str, str]:
    if hashes.keys() != set(FILES):
        raise ValueError(f"must name {', '.join(FILES)}; found {', '.join(hashes)[:80]}")
    return hashes


class BundleFields(Section):
    """All of a bundle.json."""

    contract_version: ContractVersion
    recipe: params.Recipe
    intervals: IntervalFields
    kept_epoch: params.Count
    reproducibility: Text
    packages: dict[Text, Text]
    data: dict[Text, Hash]
    sha256: Annotated[dict[str, Hash], AfterValidator(_of_each_file)]


def parse(facts: Any, *, path: Path) -> BundleFields:  # noqa: ANN401 (whatever the file holds)
    """The typed facts of the bundle.json at the path.

    Raises: ValueError if they are of another version of the data contract, if one breaks its rule, or if their hash is
    not the one among them.
    """
    check_version(facts, where=f"{path}: the bundle")
    fields = sections.parse(BundleFields, facts, where=f"{path}:")
    params.check_features(fields.recipe.features, FEATURES, where=f"{path}: recipe")
    check_hash(own_text(facts), fields.sha256, path=path)
    return fields


def hashes_of(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of each file and of the facts, to stand among the facts.

    They tell damage from truth: a flipped bit, a lost line, a file of another bundle. They are no signature: whoever
    edits a bundle on purpose can write new ones. Against that, fetch bundles from where you trust the source.
    """
    contents = {**files, BUNDLE: own_text(facts)}
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def own_text(facts: Mapping[str, Any]) -> bytes:
    """All facts but the hashes, in one order and without blanks: what the hash of bundle.json is of."""
    others = {key: value for key, value in facts.items() if key != "sha256"}
    return json.dumps(others, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()


def check_hash(content: bytes, hashes: Mapping[str, str], *, path: Path) -> None:
    """Raise ValueError if the content of the file has another hash than bundle.json says."""
    found = hashlib.sha256(content).hexdigest()
    if (recorded := hashes[path.name]) != found:
        rule = f"must be as train wrote it, with the SHA-256 {recorded[:12]}… that {BUNDLE} records"
        raise ValueError(f"{path} {rule}; found {found[:12]}…")
