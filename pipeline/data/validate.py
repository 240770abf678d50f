"""What the data contract says about rows of text: their values in its types, and which rows break which rule.

The contract is asked once per distinct value of a column, not once per row, at a tenth of the cost; amounts, which
hardly repeat, are compared as whole columns of numbers. Arrow compares, as it is there already: pandera, which says the
same of the same rules, takes longer to import than most tables to check.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.rules import Rule
from pipeline.data.schema import ESTIMATED_VALUES, NUMBERS, RULES, WHOLE_NUMBER

WITHOUT_FRACTION = " (write a whole number, without a fraction)"
SHOWN = 80  # characters of a text
THOUSANDS = re.compile(r"(?<=[0-9])[,_' ](?=[0-9]{3}(?![0-9]))")  # the comma of 150,000


def validate(text: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, np.ndarray]]:
    """The rows in the contract's types, and by column the positions of those that break its rule, ascending.

    A text that is no whole number is null where the contract wants a number; a column without such rows is left out.
    Shape: text (rows,), amounts plain and all other columns dictionaries, as `csv_rows.TYPES` says; returns (rows,).
    """
    columns, broken = {}, {}
    for name, column in zip(text.schema.names, text.columns, strict=True):
        is_dictionary = isinstance(column, pa.DictionaryArray)
        texts = _without_estimate_marks(name, texts_of(column))  # (distinct values,) or (rows,)
        values = _whole_numbers(texts) if name in NUMBERS else pc.utf8_normalize(texts, "NFC")  # one text, one value
        wrong = _wrong(name, values)
        if len(wrong):
            broken[name] = np.flatnonzero(np.isin(column.indices.to_numpy(), wrong)) if is_dictionary else wrong
        columns[name] = pa.DictionaryArray.from_arrays(column.indices, values, safe=False) if is_dictionary else values
    return pa.record_batch(columns), broken


def texts_of(column: pa.Array) -> pa.Array:
    """The distinct texts of a dictionary, and all of a plain column."""
    return column.dictionary if isinstance(column, pa.DictionaryArray) else column


def _without_estimate_marks(name: str, texts: pa.Array) -> pa.Array:
    """`2021e`, an estimated year, becomes `2021`."""
    pattern = ESTIMATED_VALUES.get(name)
    return pc.replace_substring_regex(texts, pattern, r"\1") if pattern else texts


def _whole_numbers(texts: pa.Array) -> pa.Array:
    """The texts as int64; null for those that are no whole numbers. A fraction of zeros is none.

    >>> _whole_numbers(pa.array(["2021", "-3", "20e2", "007", "70000.0", "-3.00", "12.5", "12."])).to_pylist()
    [2021, -3, None, None, 70000, -3, None, None]
    """
    if may_have_point(texts):
        texts = _without_zero_fraction(texts)
    try:
        numbers = pc.cast(texts, pa.int64())
        if pc.cast(numbers, pa.string()).equals(texts):
            return numbers  # all of them are: there and back is a fifth of the cost of the rule
    except pa.ArrowInvalid:
        pass
    is_whole = pc.match_substring_regex(texts, WHOLE_NUMBER)
    return pc.cast(pc.if_else(is_whole, texts, pa.scalar(None, pa.string())), pa.int64())


def may_have_point(texts: pa.Array) -> bool:
    """Whether a text may have a point: one look at all their bytes, a hundredth of the cost of one at each text."""
    return b"." in bytes(texts.buffers()[-1] or b"")


def _without_zero_fraction(texts: pa.Array) -> pa.Array:
    """`70000.00` as `70000`, and any other text as it is: `70000.5`, `70000.`, `1..0` as `1.`."""
    without_zeros = pc.ascii_rtrim(texts, "0")  # 70000.
    has_fraction = pc.and_(pc.ends_with(texts, "0"), pc.ends_with(without_zeros, "."))
    return pc.if_else(has_fraction, pc.utf8_slice_codeunits(without_zeros, 0, -1), texts)


def _wrong(name: str, values: pa.Array) -> np.ndarray:
    """The positions of the values that break the column's rule, ascending."""
    parts = [np.asarray(part) for part in _keeps(RULES[name], values)]  # each (n,)
    return np.flatnonzero(~np.logical_and.reduce(parts))


def _keeps(rule: Rule, values: pa.Array) -> Iterator[pa.Array | np.ndarray]:
    """For each part of the rule, whether each value keeps it. Shape: each (n,)."""
    yield pc.is_valid(values)
    if rule.ge is not None:
        yield pc.fill_null(pc.greater_equal(values, rule.ge), False)
    if rule.le is not None:
        yield pc.fill_null(pc.less_equal(values, rule.le), False)
    if rule.isin:
        yield pc.is_in(values, pa.array(np.array(rule.isin), values.type))  # of a list, Arrow asks pandas first
    if rule.str_matches:  # Python's, whose expressions these are
        matches = re.compile(rule.str_matches).match
        yield np.array([text is not None and matches(text) is not None for text in values.to_pylist()], bool)


def described(name: str, texts: Sequence[str]) -> list[str]:
    """How to tell of each text that breaks the column's rule: the text, and if it is a number what to write instead.

    >>> from pipeline.data.schema import TARGET
    >>> described(TARGET, ["1e5", "150,000", "12.5", "much"])[:2]
    ["'1e5' (write 100000)", "'150,000' (write 150000)"]
    >>> described(TARGET, ["12.5", "much"])
    ["'12.5' (write a whole number, without a fraction)", "'much'"]
    """
    advice = _advice(name, texts) if name in NUMBERS else [""] * len(texts)
    return [shown(text) + words for text, words in zip(texts, advice, strict=True)]


def shown(text: str) -> str:
    """A text in quotes, as much of it as a message shows."""
    quoted = repr(text)
    return quoted if len(quoted) <= SHOWN else f"{quoted[:SHOWN]}… ({len(quoted)} characters)"


def _advice(name: str, texts: Sequence[str]) -> list[str]:
    """What to write instead of each text, if it is a number for which the column of numbers is."""
    numbers = [_number(text) for text in texts]
    wholes = [
        int(number) if number is not None and number == number.to_integral_value() else None for number in numbers
    ]
    wrong = set(_wrong(name, pa.array(wholes, pa.int64())).tolist())
    has_fraction = [number is not None and whole is None for number, whole in zip(numbers, wholes, strict=True)]
    return [
        WITHOUT_FRACTION if has_fraction[place] else "" if place in wrong else f" (write {whole})"
        for place, whole in enumerate(wholes)
    ]


def _number(text: str) -> Decimal | None:
    """The number that a text is in any way of writing, if it has at most 18 digits before its point."""
    try:
        number = Decimal(THOUSANDS.sub("", text.strip()))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.adjusted() <= 17 else None
