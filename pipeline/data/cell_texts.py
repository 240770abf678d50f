"""Values of any type → the texts that a CSV file has in their place: what the data contract reads."""

import pyarrow as pa
import pyarrow.compute as pc


def cell_texts(column: pa.Array) -> pa.Array:
    """Each value as text, a missing one as nothing. Shape: (rows,) each.

    >>> [cell_texts(pa.array(values)).to_pylist() for values in ([2023.0, 0.5, None], [[1, 2]])]
    [['2023', '0.5', ''], ['[1, 2]']]
    """
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    try:
        texts = pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, structures, bytes that are no text
        texts = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    return pc.fill_null(texts, "")
