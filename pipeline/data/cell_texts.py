"""Values of any type → the texts that a CSV file has in their place: what the data contract reads."""

import pyarrow as pa
import pyarrow.compute as pc


def cell_texts(column: pa.Array) -> pa.Array:
    """Each value as text, a missing one as nothing. Shape: (rows,) each.

    >>> [cell_texts(pa.array(values)).to_pylist() for values in ([2023.0, 0.5, None], [[1, 2]])]
    [['2023', '0.5', ''], ['[1, 2]']]
    """
    if pa.types.is_dictionary(column.type):  # an index that is missing takes what is missing
        return pc.fill_null(cell_texts(column.dictionary).take(column.indices), "")
    try:
        texts = pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, structures, bytes that are no text
        texts = pa.array([None if value is None else text_of(value) for value in column.to_pylist()], pa.string())
    return pc.fill_null(texts, "")


def text_of(value: object) -> str:
    r"""A value as text that UTF-8 can write.

    >>> text_of(b"50"), text_of(b"\xff"), text_of([1, 2])
    ('50', '\\xff', '[1, 2]')
    """
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value).encode(errors="backslashreplace").decode()  # half of a surrogate pair is no character
