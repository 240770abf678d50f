"""What the JSON of an encoder must hold: sorted vocabularies of allowed values, and a scaling that fits the targets."""

import json
import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, model_validator

from pipeline.data.schema import FEATURES, LARGEST, ORDINALS, RULES, SMALLEST, TEXT, VERSION
from pipeline.params import Target
from pipeline.runtime.sections import Section

LARGEST_CODE = 2**15 - 1  # of 16 bits with a sign
LARGEST_FILE = (len(FEATURES) + 1) * LARGEST_CODE * 64  # bytes: as if each vocabulary was full, of 64 bytes a value
SMALLEST_SCALE = 1e-15  # far below what a target in whole numbers can have; its inverse is far from overflow

WORD = "[A-Za-z0-9+#&]+"
"""What a word of TEXT is: C++, R&D."""

ContractVersion = Annotated[int, Field(ge=VERSION, le=VERSION)]


class ScalingFields(Section):
    """The target's scaling: its center lies among the targets that the contract allows, its scale spans no more."""

    kind: Target
    center: float
    scale: Annotated[float, Field(ge=SMALLEST_SCALE)]

    @model_validator(mode="after")
    def _fit_the_contract(self) -> "ScalingFields":
        low, high = (math.log1p(bound) if self.kind == "log1p" else float(bound) for bound in (SMALLEST, LARGEST))
        rounding = 1e-9 * (high - low)
        if not low - rounding <= self.center <= high + rounding:
            raise ValueError(f"center must be from {low:g} to {high:g}, as the targets are; found {self.center:g}")
        if self.scale > max(high - low, 1.0) + rounding:
            raise ValueError(f"scale must be at most {high - low:g}, as targets differ; found {self.scale:g}")
        return self


class EncoderFields(Section):
    """All of an encoder: a vocabulary for each feature, the text's words, the scaling."""

    vocabularies: dict[str, Annotated[tuple[Any, ...], Field(max_length=LARGEST_CODE)]]
    words: Annotated[tuple[str, ...], Field(max_length=LARGEST_CODE if TEXT else 0)]
    scaling: ScalingFields
    contract_version: ContractVersion

    @model_validator(mode="after")
    def _hold_sorted_values_of_the_contract(self) -> "EncoderFields":
        if self.vocabularies.keys() != set(FEATURES):
            found = ", ".join(self.vocabularies)[:80]
            raise ValueError(f"vocabularies must be of the features {', '.join(FEATURES)}; found {found}")
        for name, values in self.vocabularies.items():
            if wrong := [value for value in values if not RULES[name].allows(value)]:
                rule = f"vocabularies.{name} must hold values that the data contract allows"
                raise ValueError(f"{rule}; found {json.dumps(wrong[0])[:80]}")
            _check_order(f"vocabularies.{name}", values, key=natural_order(name))
        if wrong := [word for word in self.words if words_of(word) != [word]]:
            raise ValueError(f"words must be single words in lower case; found {json.dumps(wrong[0])[:80]}")
        _check_order("words", self.words, key=natural_order(TEXT))
        return self


def check_version(facts: object, *, where: str) -> None:
    """Raise ValueError if the facts of a file are of another version of the data contract; its rules may be others."""
    found = facts.get("contract_version", VERSION) if isinstance(facts, dict) else VERSION
    if found != VERSION:
        raise ValueError(f"{where} must be of data contract {VERSION}, found {json.dumps(found)[:80]}")


def natural_order(column: str) -> Callable[[Any], Any]:
    """A sort key for the column's values: for ordinals with an `isin`, its order (S < M < L); else the value itself."""
    listed = RULES[column].isin if column in ORDINALS else ()
    return listed.index if listed else lambda value: value


def words_of(text: str) -> list[str]:
    """The text's words, lower-cased: runs of letters, digits and the signs of c++, c# and r&d.

    >>> words_of("Lead ML/AI Engineer (R&D)")
    ['lead', 'ml', 'ai', 'engineer', 'r&d']
    """
    return [word.lower() for word in re.findall(WORD, text)]


def _check_order(what: str, values: tuple[Any, ...], *, key: Callable[[Any], Any]) -> None:
    if list(values) != sorted(set(values), key=key):
        raise ValueError(f"{what} must be sorted, and name each value once; found {json.dumps(values)[:80]}")
