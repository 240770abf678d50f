"""What the data contract says to each line of a block: which rules it breaks.

The contract is asked once per distinct value of a block, not once per row, at a tenth of the cost; amounts, which
hardly repeat, are compared as whole columns of numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.csv_rows import Parsed
from pipeline.data.schema import ESTIMATED_YEAR, NUMBERS, RULES, WHOLE_NUMBER, requirement


@dataclass(frozen=True)
class Verdict:
    """The broken rules of a block, and its values in the contract's types.

    `typed` holds a column's values, of a dictionary the distinct ones; a text that is no whole number is null there.

    Shape: bad_lines by rule and bad_values by column, the places of the lines that break it; reasons (lines,) int64,
    one bit per rule, those of the lines first.
    """

    typed: dict[str, pa.Array]
    bad_lines: dict[str, np.ndarray]
    bad_values: dict[str, np.ndarray]
    reasons: np.ndarray

    def text(self, reasons: int) -> str:
        """The broken rules in words, of one line's bits."""
        rules = [*self.bad_lines, *map(requirement, self.bad_values)]
        return "; ".join(rule for bit, rule in enumerate(rules) if reasons >> bit & 1)


def judge(parsed: Parsed, columns: Sequence[str]) -> Verdict:
    """Ask the contract about these columns of the block."""
    typed = {name: _typed(name, _values(parsed.rows[name])) for name in columns}
    bad_lines = {
        f"a line must be one row of comma-separated UTF-8 text ({parsed.problem(code)})": np.flatnonzero(
            parsed.problems == code
        )
        for code in np.unique(parsed.problems[parsed.problems > 0]).tolist()
    }
    bad_values = {name: parsed.places[_rows(parsed.rows[name], values)] for name, values in _failures(typed)}
    reasons = np.zeros(len(parsed.problems), np.int64)
    for bit, places in enumerate((*bad_lines.values(), *bad_values.values())):
        reasons[places] |= 1 << bit
    return Verdict(typed, bad_lines, bad_values, reasons)


def _values(column: pa.Array) -> pa.Array:
    """The distinct values of a dictionary, or the plain column."""
    return column.dictionary if isinstance(column, pa.DictionaryArray) else column


def _rows(column: pa.Array, values: np.ndarray) -> np.ndarray:
    """The rows that hold one of the values, which are given by their positions."""
    if isinstance(column, pa.DictionaryArray):
        return np.flatnonzero(np.isin(column.indices.to_numpy(), values))
    return values


def _typed(name: str, values: pa.Array) -> pa.Array:
    """The texts of a column in the contract's type; a text that is no whole number becomes null.

    >>> _typed("work_year", pa.array(["2021e", "2022", "20e2"])).to_pylist()
    [2021, 2022, None]
    """
    if name not in NUMBERS:
        return values
    if name == "work_year":
        values = pc.replace_substring_regex(values, ESTIMATED_YEAR, r"\1")
    try:
        numbers = pc.cast(values, pa.int64())
        if pc.cast(numbers, pa.string()).equals(values):
            return numbers  # all of them are: there and back is a fifth of the cost of the rule
    except pa.ArrowInvalid:
        pass
    whole = pc.match_substring_regex(values, WHOLE_NUMBER)
    return pc.cast(pc.if_else(whole, values, pa.scalar(None, pa.string())), pa.int64())


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
