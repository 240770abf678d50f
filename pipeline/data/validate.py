"""What the data contract says about rows of text: their values in its types, and which rows break which rule.

The contract is asked once per distinct value of a column, not once per row, at a tenth of the cost; amounts, which
hardly repeat, are compared as whole columns of numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.schema import ESTIMATED_VALUES, NUMBERS, RULES, WHOLE_NUMBER


@dataclass(frozen=True)
class Validation:
    """Rows in the contract's types, and which of them break it.

    A text that is no whole number is null where the contract wants a number.
    Shape: rows (rows,); broken, by column, the positions of the rows that break its rule, ascending.
    """

    rows: pa.RecordBatch
    broken: dict[str, np.ndarray]


def validate(text: pa.RecordBatch) -> Validation:
    """Ask the contract about every column of the rows.

    Shape: text (rows,), amounts plain and all other columns dictionaries, as `csv_rows.TYPES` says.
    """
    typed = {name: _typed(name, _values(text[name])) for name in text.schema.names}
    broken = {name: _rows_with(text[name], positions) for name, positions in _failures(typed)}
    return Validation(pa.record_batch({name: _column(text[name], values) for name, values in typed.items()}), broken)


def _values(column: pa.Array) -> pa.Array:
    """The distinct values of a dictionary, or the plain column."""
    return column.dictionary if isinstance(column, pa.DictionaryArray) else column


def _column(text: pa.Array, values: pa.Array) -> pa.Array:
    """The column with its values typed. Shape: values as `_values` gives them; returns (rows,)."""
    return (
        pa.DictionaryArray.from_arrays(text.indices, values, safe=False)
        if pa.types.is_dictionary(text.type)
        else values
    )


def _rows_with(column: pa.Array, positions: np.ndarray) -> np.ndarray:
    """The rows that hold one of the values. Shape: positions in `_values`; returns (rows that do,)."""
    if isinstance(column, pa.DictionaryArray):
        return np.flatnonzero(np.isin(column.indices.to_numpy(), positions))
    return positions


def _typed(name: str, values: pa.Array) -> pa.Array:
    """The texts of a column in the contract's type; a text that is no whole number becomes null."""
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


def _failures(typed: dict[str, pa.Array]) -> Iterator[tuple[str, np.ndarray]]:
    """The columns whose rule is broken, and the positions of the values that break it."""
    for name, values in typed.items():
        if not len(values):
            continue  # pandas gives an empty column a type of its own
        column = values.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        try:
            RULES[name].validate(column.to_frame(name), lazy=True)
        except pandera.errors.SchemaErrors as error:
            yield name, np.unique(error.failure_cases["index"].to_numpy(np.int64))  # one value may fail two checks
