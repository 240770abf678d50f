"""What the data contract says about rows of text: their values in its types, and which rows break which rule.

The contract is asked once per distinct value of a column, not once per row, at a tenth of the cost; amounts, which
hardly repeat, are compared as whole columns of numbers.
"""

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.schema import ESTIMATED_VALUES, NUMBERS, RULES, WHOLE_NUMBER


def validate(text: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, np.ndarray]]:
    """The rows in the contract's types, and by column the positions of those that break its rule, ascending.

    A text that is no whole number is null where the contract wants a number; a column without such rows is left out.
    Shape: text (rows,), amounts plain and all other columns dictionaries, as `csv_rows.TYPES` says; returns (rows,).
    """
    columns, broken = {}, {}
    for name, column in zip(text.schema.names, text.columns, strict=True):
        is_dictionary = isinstance(column, pa.DictionaryArray)
        values = _typed(name, column.dictionary if is_dictionary else column)  # (distinct values,) or (rows,)
        wrong = _wrong(name, values)
        if len(wrong):
            broken[name] = np.flatnonzero(np.isin(column.indices.to_numpy(), wrong)) if is_dictionary else wrong
        columns[name] = pa.DictionaryArray.from_arrays(column.indices, values, safe=False) if is_dictionary else values
    return pa.record_batch(columns), broken


def _typed(name: str, values: pa.Array) -> pa.Array:
    if name in ESTIMATED_VALUES:  # `2021e`, an estimated year, is read as `2021`
        values = pc.replace_substring_regex(values, ESTIMATED_VALUES[name], r"\1")
    return _whole_numbers(values) if name in NUMBERS else values


def _whole_numbers(texts: pa.Array) -> pa.Array:
    """The texts as int64; null for those that are no whole numbers.

    >>> _whole_numbers(pa.array(["2021", "-3", "20e2", "007"])).to_pylist()
    [2021, -3, None, None]
    """
    try:
        numbers = pc.cast(texts, pa.int64())
        if pc.cast(numbers, pa.string()).equals(texts):
            return numbers  # all of them are: there and back is a fifth of the cost of the rule
    except pa.ArrowInvalid:
        pass
    is_whole = pc.match_substring_regex(texts, WHOLE_NUMBER)
    return pc.cast(pc.if_else(is_whole, texts, pa.scalar(None, pa.string())), pa.int64())


def _wrong(name: str, values: pa.Array) -> np.ndarray:
    """The positions of the values that break the column's rule, ascending."""
    if len(values):  # pandas gives an empty column a type of its own
        column = values.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        try:
            RULES[name].validate(column.to_frame(name), lazy=True)
        except pandera.errors.SchemaErrors as error:
            return np.unique(error.failure_cases["index"].to_numpy(np.int64))  # one value may fail two checks
    return np.empty(0, np.int64)
