"""The contract as pandera has it, against what each rule says of single values."""

import pandas as pd
import pandera.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.contract import CONTRACT
from pipeline.data.schema import COLUMNS, NUMBERS, RULES

NEAR = {
    name: st.integers(-(2**40), 2**40)
    | st.sampled_from([rule.ge or 0, rule.le or 0, *rule.isin]).flatmap(lambda bound: st.integers(bound - 1, bound + 1))
    for name, rule in RULES.items()
    if name in NUMBERS
} | {
    name: st.text(max_size=4) | st.sampled_from([*rule.isin, "US", "USD", "Data Engineer"])
    for name, rule in RULES.items()
    if name not in NUMBERS
}


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
