"""Changes of a YAML text that leave all else in it as it is, comments and blanks included, and changes as a patch."""

import difflib
import io
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML, MappingNode, Node, SequenceNode

NO_END = "\n\\ No newline at end of file\n"  # as diff says it, and git reads it


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """The text with these values, each in the place of the one that is there; `values` has them by their dotted paths.

    A list whose items have lines of their own keeps such lines. Raises: KeyError if a path is not in the text.

    >>> with_values("a: {b: 1}  # one", {"a.b": [2, 3]})
    'a: {b: [2, 3]}  # one'
    """
    root = YAML(typ="safe", pure=True).compose(text)
    changes = [_change(text, *_key_and_node(root, path), value) for path, value in values.items()]
    for start, end, new in sorted(changes, reverse=True):  # the last ones first: those before them stay where they are
        text = text[:start] + new + text[end:]
    return text


def without(text: str, paths: Iterable[str]) -> str:
    r"""The text without the lines of these entries of block mappings, given by their dotted paths.

    Raises: KeyError if a path is not in the text.

    >>> without("a:\n  b: 1\n  c:\n  - 2\nd: 3\n", ["a.c"])
    'a:\n  b: 1\nd: 3\n'
    """
    root = YAML(typ="safe", pure=True).compose(text)
    pairs = [_key_and_node(root, path) for path in paths]
    for key, node in sorted(pairs, key=lambda pair: -pair[0].start_mark.index):
        start, end = (text.rfind("\n", 0, mark.index) + 1 for mark in (key.start_mark, node.end_mark))
        text = text[:start] + text[end:]
    return text


def patch(before: str, after: str, *, name: str) -> str:
    """The change of a file as a unified diff for `git apply` in the file's folder; nothing if there is none."""
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))  # lines; only a last one has no \n
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else line + NO_END for line in lines)


def _key_and_node(node: Node, path: str) -> tuple[Node, Node]:
    """The last key of the path, and what stands behind it."""
    key = node
    for part in path.split("."):
        pairs = node.value if isinstance(node, MappingNode) else []
        found = [pair for pair in pairs if pair[0].value == part]
        if not found:
            raise KeyError(path)
        key, node = found[0]
    return key, node


def _change(text: str, key: Node, node: Node, value: object) -> tuple[int, int, str]:
    """From where to where the node's text stands, and what comes in its place."""
    start, end, new = node.start_mark.index, node.end_mark.index, _in_one_line(value)
    colon = text.index(":", key.end_mark.index) + 1  # behind it
    if start == end:  # null, of which DVC writes nothing
        return colon, colon, f" {new}"
    if isinstance(node, SequenceNode) and not node.flow_style:
        end = node.value[-1].end_mark.index  # a block's own end is where the next key begins
        if isinstance(value, list) and value:
            items = [f"- {_in_one_line(item)}" for item in value]
            new = ("\n" + " " * node.start_mark.column).join(items)
        else:  # in the line of the key: a block may begin in the key's own column, a value may not
            start, new = colon, f" {new}{text[colon:start].rstrip()}"  # perhaps there is a comment
    return start, end, new


def _in_one_line(value: object) -> str:
    """The value as YAML in one line, quoted where it must be.

    >>> [_in_one_line(value) for value in (0.5, [64, 64], "null")]
    ['0.5', '[64, 64]', "'null'"]
    """
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width = True, sys.maxsize
    yaml.dump([value], text)
    return text.getvalue().strip()[1:-1]  # without the brackets of the list around it
