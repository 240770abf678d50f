"""The contract as pandera has it, against what each rule says of single values."""

import re

import pandas as pd
import pandera.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.contract import CONTRACT, confirm
from pipeline.data.schema import COLUMNS, NUMBERS, RULES
from tests.support.near_values import NEAR


@pytest.mark.parametrize("name", COLUMNS)
@given(data=st.data())
def test_pandera_allows_what_the_rule_allows(name, data):
    values = data.draw(st.lists(NEAR[name], min_size=1, max_size=9))
    column = pd.Series(values, dtype="Int64" if name in NUMBERS else "str")
    wrong = []
    try:
        CONTRACT.columns[name].validate(column.to_frame(name), lazy=True)
    except pandera.errors.SchemaErrors as error:
        wrong = sorted(set(error.failure_cases["index"]))
    assert wrong == [place for place, value in enumerate(values) if not RULES[name].allows(value)]


def test_every_column_is_a_column_of_the_schema_in_its_order():
    assert tuple(CONTRACT.columns) == COLUMNS
    assert CONTRACT.strict is True
    assert not any(column.nullable for column in CONTRACT.columns.values())


@pytest.mark.parametrize("name", COLUMNS)
@given(data=st.data())
def test_values_are_confirmed_that_all_keep_the_rule(name, data):
    values = data.draw(st.lists(NEAR[name], max_size=9, unique=True))
    if wrong := [value for value in values if not RULES[name].allows(value)]:
        found = "|".join(re.escape(repr(value)[:80]) for value in wrong)  # the first in pandera's order
        with pytest.raises(
            ValueError, match=f"^{name} must be what pandera allows, .*; found ({found}), which Arrow let"
        ):
            confirm({name: values})
    else:
        confirm({name: values})


def test_all_columns_are_confirmed():
    with pytest.raises(ValueError, match="company_size must be what pandera allows, one of S, M, L; found 'XL'"):
        confirm({"salary_in_usd": {7: 3}, "company_size": {"M": 2, "XL": 1}})
