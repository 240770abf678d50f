"""The data contract as pandera has it: each rule of the schema as checks of a column, no column more, none less."""

from collections.abc import Collection, Iterator, Mapping

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from pipeline.data.rules import Rule
from pipeline.data.schema import NUMBERS, RULES


def _checks(rule: Rule) -> Iterator[pa.Check]:
    if rule.ge is not None:
        yield pa.Check.greater_than_or_equal_to(rule.ge)
    if rule.le is not None:
        yield pa.Check.less_than_or_equal_to(rule.le)
    if rule.isin:
        yield pa.Check.isin(rule.isin)
    if rule.str_matches:
        yield pa.Check.str_matches(rule.str_matches)


CONTRACT = pa.DataFrameSchema(
    {
        name: pa.Column(pd.Int64Dtype() if rule.kind is int else str, list(_checks(rule)), description=rule.description)
        for name, rule in RULES.items()
    },
    strict=True,
)
"""Whole numbers are pandas' Int64. No column allows a null, which is what a number of another kind would be."""


def confirm(values: Mapping[str, Collection[int | str]]) -> None:
    """Let pandera say whether distinct values, by column, keep the contract, after `validate` has said so.

    Raises: ValueError if one does not.
    """
    for name, distinct in values.items():
        column = pd.Series(list(distinct), dtype="Int64" if name in NUMBERS else "str", name=name)
        try:
            CONTRACT.columns[name].validate(column.to_frame(), lazy=True)
        except pandera.errors.SchemaErrors as error:
            found = repr(error.failure_cases["failure_case"].tolist()[0])[:80]
            rule = f"{name} must be what pandera allows, {RULES[name].description}"
            raise ValueError(f"{rule}; found {found}, which Arrow let through: mend pipeline.data.validate") from None
