"""Rows in any form that Python users have → batches of text, as the data contract reads them.

What a value means is what it would mean in a CSV file: 2023, 2023.0 and "2023" are one year.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import pandas as pd
import pyarrow as pa

from pipeline.data.cell_texts import cell_texts, text_of
from pipeline.data.csv_header import check_columns
from pipeline.data.schema import FEATURES

BATCH_ROWS = 1 << 18
FORMS = "a DataFrame, a Series of dicts, a list of dicts or an Arrow table"
OTHER_IN_ARROW = (pd.CategoricalDtype, pd.PeriodDtype, pd.IntervalDtype)  # of a year's period Arrow has the number


class ArrowTable(Protocol):
    """What pyarrow, polars and others make of the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table as a stream."""


Rows: TypeAlias = "pd.DataFrame | pd.Series[Any] | Sequence[Mapping[str, Any]] | pa.RecordBatch | ArrowTable"


def as_table(rows: Rows) -> pd.DataFrame | pa.Table:
    """The rows as a table that has the contract's features, in any order and among others.

    Raises: TypeError if the rows have none of the forms in `Rows`; ValueError if a feature is missing.
    """
    table = _table(rows)
    names = list(map(str, table.columns if isinstance(table, pd.DataFrame) else table.column_names))
    if names or len(table):
        check_columns(names, FEATURES, where="the rows")
    return table


def text_batches(table: pd.DataFrame | pa.Table) -> Iterator[pa.RecordBatch]:
    """The features of `as_table`'s rows, in batches of dictionaries of texts; a missing value is an empty text."""
    if isinstance(table, pa.Table):
        for batch in table.select(FEATURES).to_batches(max_chunksize=BATCH_ROWS):
            yield _batch({name: cell_texts(column) for name, column in zip(FEATURES, batch.columns, strict=True)})
        return
    for start in range(0, len(table), BATCH_ROWS):
        piece = table.iloc[start : start + BATCH_ROWS]
        yield _batch({name: _texts(piece[name]) for name in FEATURES})


def _table(rows: Rows) -> pd.DataFrame | pa.Table:
    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, pd.Series):
        return _frame(rows.tolist(), index=rows.index)
    if hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__arrow_c_array__"):
        return pa.table(rows)
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        return _frame(rows)
    raise TypeError(f"the rows must be {FORMS}; found {type(rows).__name__}; of one row make a list, [row]")


def _frame(rows: Sequence[Mapping[str, Any]], index: "pd.Index[Any] | None" = None) -> pd.DataFrame:
    for position, row in enumerate(rows):
        if not isinstance(row, Mapping):
            found = f"found {type(row).__name__} at {position}"
            raise TypeError(
                f"each row of a list or Series must be a dict; {found}; one row of a frame is frame.iloc[[0]]"
            )
    return pd.DataFrame([dict(row) for row in rows], index=index, dtype=object)


def _batch(texts: Mapping[str, pa.Array]) -> pa.RecordBatch:
    return pa.record_batch({name: column.dictionary_encode() for name, column in texts.items()})


def _texts(column: pd.Series) -> pa.Array:
    """The column's texts; no value decides how another one is read, whatever types an object column mixes."""
    column = column.astype(object) if isinstance(column.dtype, OTHER_IN_ARROW) else column
    try:
        values = pa.array(column, type=pa.string() if column.dtype == object else None, from_pandas=True)
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    except (pa.ArrowException, UnicodeEncodeError):  # other objects than texts, or what Arrow has no type for
        values = pa.array([_text(value) for value in column], pa.string())
    return cell_texts(values)


def _text(value: Any) -> str | None:  # noqa: ANN401 (whatever a cell holds)
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    return text_of(value)
