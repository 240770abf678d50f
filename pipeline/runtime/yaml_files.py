"""The one reader and writer of YAML: what it says, as JSON can, read in bounded time and memory."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from pipeline.runtime import escape
from pipeline.runtime.masking import masked

LARGEST = 1 << 20  # bytes of a file: at worst half a minute of reading


class _NoAliases(Composer):
    """Refuses what stands for another part of the file: ten lines of such could be billions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 (ruamel's own)
        if self.parser.check_event(AliasEvent):
            event = self.parser.get_event()
            problem = f"*{event.anchor} stands for another part of the file; write that part out in its place"
            raise MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def read(file: Path) -> Any:  # noqa: ANN401 (whatever the user wrote)
    """What the YAML file says, as JSON can: a date is `{"date": "2026-01-31"}`. A text is parsed once a process.

    Raises: ValueError if it is missing, no YAML 1.2, larger than 1 MiB, or has aliases.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except FileNotFoundError:
        raise ValueError(f"{file} is missing: run from the project's folder, or {bring_back(file)}") from None
    if len(content) > LARGEST:
        raise ValueError(f"{file} must be 1 MiB or less, found more; shorten it, or {bring_back(file)}")
    try:
        return json.loads(_as_json(content.decode("utf-8-sig")))
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        fix = "; indent with spaces, not with tabs" if "'\\t'" in str(error.problem) else ""
        words = masked(" ".join(filter(None, [error.context, error.problem])))
        raise ValueError(f"{file} must be YAML 1.2: {line}{words}{fix}") from None
    except RecursionError:
        raise ValueError(f"{file} must be YAML 1.2 of a few levels, found hundreds, one in the other") from None
    except (YAMLError, TypeError, ValueError) as error:  # such as bytes that are not UTF-8, and keys that are no words
        raise ValueError(f"{file} must be YAML 1.2: {error}") from None


def dump(facts: Mapping[str, object]) -> str:
    r"""The facts as YAML 1.2, in which each character that cannot be seen is written as Python writes it.

    >>> print(dump({"name": "a: b\u202e", "tags": ["c"]}), end="")
    name: 'a: b\u202e'
    tags:
    - c
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width = False, sys.maxsize  # blocks, and no line is broken
    text = io.StringIO()
    yaml.dump(_visible(facts), text)
    return text.getvalue()


def _visible(facts: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(facts, str):
        return escape.visible(facts)
    if isinstance(facts, Mapping):
        return {key: _visible(value) for key, value in facts.items()}
    return [_visible(each) for each in facts] if isinstance(facts, Sequence) else facts


def bring_back(file: Path) -> str:
    """What to do about a file that git has better."""
    return f"bring back the last commit's: git checkout HEAD -- {file.name}"


@lru_cache
def _as_json(text: str) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _NoAliases
    return json.dumps(yaml.load(text), default=lambda value: {type(value).__name__: str(value)})
