"""Typed settings from a YAML file: one model per section, no defaults, no unknown keys, clear errors."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class Section(BaseModel):
    """A part of the settings: frozen, strict, complete."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


S = TypeVar("S", bound=Section)


def load(section: type[S], *keys: str, file: Path = Path("params.yaml")) -> S:
    """The settings under `keys` in the file, for example `load(Recipe, "recipes", "full")`.

    Raises: ValueError if the file is no YAML 1.2, the keys are missing, or a value breaks its rule.
    """
    settings = read(file)
    for depth, key in enumerate(keys):
        if not isinstance(settings, Mapping) or key not in settings:
            known = ", ".join(map(str, settings)) if isinstance(settings, Mapping) else "no keys"
            raise ValueError(f"{file}: {'.'.join(keys[: depth + 1])} is missing; found {known}")
        settings = settings[key]
    return parse(section, settings, where=f"{file}: {'.'.join(keys)}")


def parse(section: type[S], settings: object, *, where: str) -> S:
    """The settings, typed. Raises: ValueError that names each wrong value's path, the rule and what was found."""
    try:
        return section.model_validate_json(json.dumps(settings))
    except TypeError as error:  # YAML reads 2023-01-31 as a date
        raise ValueError(f"{where}: {error}; put dates and the like in quotes") from None
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        raise ValueError("\n".join(_problem(details, settings, where) for details in wrong)) from None


def _problem(details: ErrorDetails, settings: object, where: str) -> str:
    missing = details["type"] == "missing"
    found = f"only {', '.join(map(str, details['input'])) or 'nothing'}" if missing else json.dumps(details["input"])
    path = ".".join([where, *_path(details["loc"], settings)])
    return f"{path}: {details['msg'].removeprefix('Value error, ')}; found {found}"


def _path(keys: tuple[int | str, ...], settings: object) -> Iterator[str]:
    """The keys as they stand in the file; pydantic adds the kind that it chose of several sections.

    >>> list(_path(("network", "mlp", "hidden"), {"network": {"kind": "mlp", "hidden": "16"}}))
    ['network', 'hidden']
    """
    for key in keys:
        if isinstance(settings, Mapping) and settings.get("kind") == key:
            continue
        yield str(key)
        if isinstance(settings, Mapping):
            settings = settings.get(key)


def read(file: Path) -> Any:  # noqa: ANN401 (whatever the user wrote)
    """What the YAML file says. Raises: ValueError if it is missing or no YAML 1.2."""
    try:
        return YAML(typ="safe", pure=True).load(file)
    except FileNotFoundError:
        raise ValueError(f"{file} is missing: run from the project's folder") from None
    except YAMLError as error:
        raise ValueError(f"{file} must be YAML 1.2: {error}") from None
