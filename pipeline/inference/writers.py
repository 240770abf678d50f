"""Answers → a CSV or a Parquet table: the input's columns as they stand, and each record's answer behind them."""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.data.csv_header import Header
from pipeline.data.csv_rows import RETURN, TYPES, Parsed
from pipeline.data.schema import FEATURES
from pipeline.inference.answers import ANSWERS, PROBLEM, Answers
from pipeline.runtime.escape import BEGINS_FORMULA, NUMBER


class CsvOutput:
    """A CSV table, each input record in it byte for byte; the cells of one that is no row are empty."""

    def __init__(self, header: Header) -> None:
        self.columns: Sequence[str] = FEATURES  # those that it needs parsed
        self._first_line = ",".join([header.text, *ANSWERS.names]).encode()
        self._no_row = b"\n" + b"," * (len(header.names) - 1)

    @contextmanager
    def opened(self, file: BinaryIO) -> Iterator[Callable[[pa.Buffer], object]]:
        """The file as this table: pieces are written to it in their order, and its last line ends with the block."""
        file.write(self._first_line)
        try:
            yield file.write
        finally:
            file.write(b"\n")
            file.flush()

    def piece(self, answers: Answers) -> pa.Buffer:
        """A block's records, as bytes that are not copied once more."""
        records = self._records(answers.parsed)
        if answers.parsed.problems.any():
            records = pc.if_else(pa.array(answers.parsed.problems > 0), self._no_row, records)
        cells = csv_cells(answers.distinct).take(pa.array(answers.inverse))
        texts = pc.binary_join_element_wise(records, cells, b",")
        _, offsets, data = texts.buffers()  # validity, (texts + 1,) int32, bytes: one text behind the other
        return data.slice(0, np.frombuffer(offsets, np.int32)[len(texts)].item())

    def _records(self, parsed: Parsed) -> pa.Array:
        """Each record behind a line feed; of one that is no row whatever comes handy. Shape: returns (records,)."""
        return _records(parsed)


class SafeCsvOutput(CsvOutput):
    """A CSV table whose cells are all in quotes, and none of which is a formula to a spreadsheet."""

    def __init__(self, header: Header) -> None:
        names = next(csv.reader([header.text], strict=True))
        super().__init__(Header(",".join(safe_cells(pa.array(names)).to_pylist()), header.names))
        self.columns = header.names  # all of them

    def _records(self, parsed: Parsed) -> pa.Array:
        cells = [safe_cells(column.cast(pa.string())) for column in _of_records(parsed).columns]
        return pc.binary_join_element_wise("\n", pc.binary_join_element_wise(*cells, ","), "").cast(pa.binary())


class ParquetOutput:
    """A Parquet table, the input's columns in it as text; the cells of a record that is no row are null."""

    def __init__(self, header: Header) -> None:
        self.columns: Sequence[str] = header.names  # those that it needs parsed
        self._schema = pa.schema([(name, TYPES.get(name, pa.string())) for name in header.names] + list(ANSWERS))

    @contextmanager
    def opened(self, file: BinaryIO) -> Iterator[Callable[[pa.Table], object]]:
        """The file as this table: pieces are written to it in their order."""
        with pq.ParquetWriter(file, self._schema, store_schema=False) as writer:  # who reads it finds plain text
            yield writer.write_table

    def piece(self, answers: Answers) -> pa.Table:
        """A block's records."""
        columns = [*_of_records(answers.parsed).columns, *answers.distinct.take(pa.array(answers.inverse)).columns]
        return pa.Table.from_arrays(columns, schema=self._schema)


def csv_cells(answers: pa.Table) -> pa.Array:
    """Each answer as the cells of a CSV line, the problem in quotes. Shape: answers (n,), `ANSWERS`; returns (n,).

    >>> nothing = dict.fromkeys(ANSWERS.names)
    >>> csv_cells(pa.Table.from_pylist([nothing | {PROBLEM: 'found "a", b'}], schema=ANSWERS)).to_pylist()
    [b',,,,,,,"found ""a"", b"']
    """
    problem = pc.replace_substring(answers[PROBLEM], '"', '""')
    cells = [*answers.columns[:-1], pc.binary_join_element_wise('"', problem, '"', "")]
    texts = [pc.fill_null(cell.cast(pa.string()), "") for cell in cells]
    return pc.binary_join_element_wise(*texts, ",").cast(pa.binary()).combine_chunks()


def safe_cells(texts: pa.Array) -> pa.Array:
    """The texts in quotes, with an apostrophe before each that is a formula to a spreadsheet. Shape: (n,) each.

    >>> print(*safe_cells(pa.array(["=1+1", "-5", "-5+cmd()", 'an "AI" lead'])))
    "'=1+1" "-5" "'-5+cmd()" "an ""AI"" lead"
    """
    begins, is_number = (pc.match_substring_regex(texts, pattern) for pattern in (BEGINS_FORMULA, NUMBER))
    mark = pc.if_else(pc.and_not(begins, is_number), "\"'", '"')
    return pc.binary_join_element_wise(mark, pc.replace_substring(texts, '"', '""'), '"', "")


def _of_records(parsed: Parsed) -> pa.RecordBatch:
    """The cells of each record; those of one that is no row are null. Shape: (records,)."""
    rows = np.full(len(parsed.problems), -1)  # (records,) the position of each one's row, -1 for none
    rows[parsed.positions] = np.arange(parsed.rows.num_rows)
    return parsed.rows.take(pa.array(rows, mask=rows < 0))


def _records(parsed: Parsed) -> pa.Array:
    """The records of a block, each behind a line feed and without its line's end. Shape: returns (records,)."""
    text, offsets = parsed.block.text, parsed.offsets  # (records + 1,)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"\n" + text)]  # as Arrow has binary values
    records = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    # (records,) whether \r\n ends it; of an empty first any answer does
    has_return = np.frombuffer(text, np.uint8)[offsets[1:] - 2] == RETURN
    if not has_return.any():
        return records
    without = pc.binary_replace_slice(records, -1, sys.maxsize, b"")
    return without if has_return.all() else pc.if_else(pa.array(has_return), without, records)
