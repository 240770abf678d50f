"""Typed settings from a YAML file: one model per section, no defaults, no unknown keys, clear errors."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.runtime.masking import HIDDEN, masked

LONGEST = 80  # characters of a value that a message shows
NEVER_SHOWN = "notify"  # a section whose values may be passwords
NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)  # "0.1", "1e-3"
QUOTED = re.compile(r"'([^']+)'")  # of "'mlp' or 'embedding'"


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
        known = list(settings) if isinstance(settings, Mapping) else []
        if key not in known:
            found = f"{', '.join(known) or 'no keys'}{did_you_mean(key, known)}"
            raise ValueError(f"{file}: {'.'.join(keys[: depth + 1])} is missing; found {found}")
        settings = settings[key]
    return parse(section, settings, where=f"{file}: {'.'.join(keys)}".rstrip())


def parse(section: type[S], settings: object, *, where: str) -> S:
    """The settings, typed. `where` stands before each path of a message: its beginning, or a file and a colon.

    Raises: ValueError that names each wrong value's path, the rule, what was found, and what may be meant.
    """
    try:
        return section.model_validate_json(json.dumps(settings))
    except ValidationError as error:
        start = f"{where} " if where.endswith(":") else f"{where}."
        problems = _problems(error.errors(include_url=False), settings)
        lines = [f"{(start + path).rstrip(' .:')}: {problem}" for path, problem in problems]
        raise ValueError("\n".join(lines)) from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message on a word that is none of the known ones, if it is much like one.

    >>> did_you_mean("trys", ["source", "tries"])
    '; did you mean tries?'
    """
    similar = _most_similar(word, known)
    return f"; did you mean {similar}?" if similar else ""


def _most_similar(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def _problems(wrong: Sequence[ErrorDetails], settings: object) -> Iterator[tuple[str, str]]:
    """Each wrong value's path and what is wrong. What stands there under a name much like its own is not missing."""
    missing = [details["loc"] for details in wrong if details["type"] == "missing"]
    # by the path of a setting that there is none of, the path of the missing one whose name is most like its own
    meant: dict[tuple[int | str, ...], tuple[int | str, ...]] = {}
    for loc in [details["loc"] for details in wrong if details["type"] == "extra_forbidden"]:
        name = _most_similar(str(loc[-1]), [str(other[-1]) for other in missing if other[:-1] == loc[:-1]])
        meant |= {loc: (*loc[:-1], name)} if name else {}
    for details in wrong:
        loc = details["loc"]
        if loc not in meant.values():
            hint = did_you_mean(str(loc[-1]), [str(meant[loc][-1])]) if loc in meant else ""
            yield ".".join(_path(loc, settings)), _problem(details) + hint


def _problem(details: ErrorDetails) -> str:
    """The rule, what was found, and a hint at what is meant."""
    kind, rule, value = details["type"], details["msg"], details["input"]
    if NEVER_SHOWN in details["loc"] and kind not in ("missing", "value_error"):
        return f"{rule}; found {HIDDEN}{_hint(kind, rule, value)}"
    if kind == "value_error":  # a rule of ours, which says what it found
        return rule.removeprefix("Value error, ")
    if kind == "missing":
        return f"{rule}; found only {', '.join(map(str, value)) or 'nothing'}"
    if kind == "extra_forbidden":
        if isinstance(value, Mapping):
            return f"no such setting; found {{{', '.join(map(str, value))}}}"
        return f"no such setting; found {_shown(value)}"
    if kind == "union_tag_invalid":
        key, value = details["ctx"]["discriminator"].strip("'"), details["ctx"]["tag"]
        rule = f"{key} should be one of {details['ctx']['expected_tags']}"
    return f"{rule}; found {_shown(value)}{_hint(kind, rule, value)}"


def _hint(kind: str, rule: str, value: object) -> str:
    if kind in ("literal_error", "union_tag_invalid"):
        return did_you_mean(str(value), QUOTED.findall(rule))
    if kind in ("int_type", "float_type") and isinstance(value, str) and NUMBER.fullmatch(value):
        return "; write it without quotes"
    if kind == "bool_type":
        return "; write true or false"
    return "; put it in quotes" if kind == "string_type" and value is not None else ""


def _shown(value: object) -> str:
    text = masked(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _path(keys: tuple[int | str, ...], settings: object) -> Iterator[str]:
    """The keys as they stand in the file; pydantic adds the kind that it chose of several sections, and marks keys.

    >>> list(_path(("network", "mlp", "hidden"), {"network": {"kind": "mlp", "hidden": "16"}}))
    ['network', 'hidden']
    """
    for key in keys:
        if key == "[key]" or (isinstance(settings, Mapping) and settings.get("kind") == key):
            continue
        yield str(key)
        if isinstance(settings, Mapping):
            settings = settings.get(key)


def read(file: Path) -> Any:  # noqa: ANN401 (whatever the user wrote)
    """What the YAML file says, as JSON can: a date is `{"date": "2026-01-31"}`. A text is parsed once a process.

    Raises: ValueError if it is missing or no YAML 1.2.
    """
    try:
        return json.loads(_as_json(file.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise ValueError(f"{file} is missing: run from the project's folder") from None
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        fix = "; indent with spaces, not with tabs" if "'\\t'" in str(error.problem) else ""
        problem = masked(f"{error.context or ''} {error.problem}")
        raise ValueError(f"{file} must be YAML 1.2: {line}{problem}{fix}") from None
    except (YAMLError, TypeError, ValueError) as error:  # such as bytes that are not UTF-8, and keys that are no words
        raise ValueError(f"{file} must be YAML 1.2: {error}") from None


@lru_cache
def _as_json(text: str) -> str:
    settings = YAML(typ="safe", pure=True).load(text)
    return json.dumps(settings, default=lambda value: {type(value).__name__: str(value)})
