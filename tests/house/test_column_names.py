"""A column, the target and its unit are named in the schema and in the sample, and nowhere else in the pipeline.

So they serve any table; test_other_columns.py tries two.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from pipeline.data import schema
from tests.support.code import MODULES

NAMED_IN = {"data.schema", "sample"}
COLUMNS = (*schema.COLUMNS, *schema.WORDS)
UNIT_AND_NOUN = {schema.NOUN, schema.PLURAL, schema.SUFFIX, "dollar", "dollars"}
PROJECT = "salary-pipeline"


def names_and_texts(tree: ast.Module) -> Iterator[str]:
    """All identifiers and all string literals in the code; docstrings and comments are for people, and left out."""
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) and node not in prose else None
        found = [value, *(getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname"))]
        yield from (text for text in found if isinstance(text, str))


def names_the_table(text: str) -> bool:
    """True if one of the words is a column, the target's noun or its unit.

    >>> [names_the_table(text) for text in ("mse_usd2", "toDollars", "job_title=", "title")]
    [True, True, True, False]
    """
    text = text.replace(PROJECT, "")
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)  # mse_usd2 → mse, usd; toDollars → to, Dollars; USD² → USD
    named = {word.lower() for word in words} & UNIT_AND_NOUN
    return bool(named) or any(re.search(rf"\b{column}\b", text) for column in COLUMNS)


@pytest.mark.parametrize("module", sorted(MODULES.keys() - NAMED_IN))
def test_a_module_names_no_column_no_target_and_no_unit(module):
    assert sorted({text for text in names_and_texts(MODULES[module]) if names_the_table(text)}) == []
