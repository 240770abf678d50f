"""Typed settings from a YAML file: one model per section, no defaults, no unknown keys, clear errors."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from pipeline.runtime.masking import HIDDEN, shown_address
from pipeline.runtime.yaml_files import bring_back, read

LONGEST = 80  # characters of a value that a message shows
MOST = 20  # wrong values that a message names
NEVER_SHOWN = "notify"  # a section whose values may be passwords
NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)  # "0.1", "1e-3"
FIXES = {
    "bool_type": "; write true or false",
    "string_type": "; put it in quotes",
    "int_type": "; write a whole number",
    "float_type": "; write a number",
    "tuple_type": "; write a list, such as [a, b]",
    "model_type": "; write its settings below it, each on a line of its own",
    "dict_type": "; write its settings below it, each on a line of its own",
}
"""What to do about a value of another type, by pydantic's name of the mistake."""
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
    if settings is None:
        raise ValueError(f"{file} must hold settings, found nothing; {bring_back(file)}")
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
        problems = _problems(error.errors(include_url=False)[:MOST], settings)
        lines = [f"{(start + path).rstrip(' .:')}: {problem}" for path, problem in problems]
        lines += [f"and {error.error_count() - MOST} more"] if error.error_count() > MOST else []
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
        return f"{rule}; found only {', '.join(map(str, value)) or 'nothing'}; add it"
    if kind == "extra_forbidden":
        if isinstance(value, Mapping):
            return f"no such setting; found {{{', '.join(map(str, value))}}}"
        is_text = isinstance(value, str | list)  # it may be a password: nobody knows what it was to be
        return "no such setting" if is_text else f"no such setting; found {_shown(value)}"
    if kind == "union_tag_not_found":
        return f"{details['ctx']['discriminator']} must be among its settings; found {_shown(value)}; add it"
    if kind == "too_long":
        return f"must have {details['ctx']['max_length']} or fewer; found {_shown(value)}; leave the others out"
    if kind in ("too_short", "string_too_short"):
        return f"must not be empty; found {_shown(value)}; give it {details['ctx']['min_length']} or more"
    if kind == "union_tag_invalid":
        key, value = details["ctx"]["discriminator"].strip("'"), details["ctx"]["tag"]
        rule = f"{key} should be one of {details['ctx']['expected_tags']}"
    return f"{rule}; found {_shown(value)}{_hint(kind, rule, value)}"


def _hint(kind: str, rule: str, value: object) -> str:
    if kind in ("literal_error", "union_tag_invalid"):
        return did_you_mean(str(value), QUOTED.findall(rule))
    if kind in ("int_type", "float_type") and isinstance(value, str) and NUMBER.fullmatch(value):
        return "; write it without quotes"
    if kind.startswith("int_") and isinstance(value, float):
        return f"; write {round(value)}"
    if kind == "string_type" and value is None:
        return "; write a text"
    return FIXES.get(kind, "")


def _shown(value: object) -> str:
    if isinstance(value, str):
        value = shown_address(value)  # as a whole: a password may hold blanks
    text = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) and "://" in text:
        return HIDDEN
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
