"""Answers → a CSV or a Parquet table: the input's columns as they stand, and each line's answer behind them."""

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.data.csv_header import Header
from pipeline.data.csv_rows import LINE_FEED, TYPES
from pipeline.data.schema import FEATURES
from pipeline.inference.answers import ANSWERS, PROBLEM, Answers


class CsvOutput:
    """A CSV table, each input line in it byte for byte; the cells of a line that is no row are empty."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self.columns: Sequence[str] = FEATURES  # those that it needs parsed
        self._file = file
        self._no_row = b"\n" + b"," * (len(header.names) - 1)
        file.write(",".join([header.text, *ANSWERS.names]).encode())

    def write(self, answers: Answers) -> Answers:
        """Append a block's lines, and hand it on."""
        lines = _lines(answers.parsed.block.text)
        if answers.parsed.problems.any():
            lines = pc.if_else(pa.array(answers.parsed.problems > 0), self._no_row, lines)
        cells = csv_cells(answers.distinct).take(pa.array(answers.inverse))
        texts = pc.binary_join_element_wise(lines, cells, b",")
        _, offsets, data = texts.buffers()  # validity, (texts + 1,) int32, bytes: one text behind the other
        self._file.write(memoryview(data)[: np.frombuffer(offsets, np.int32)[len(texts)]])
        return answers

    def close(self) -> None:
        """Write the end of the last line."""
        self._file.write(b"\n")
        self._file.flush()


class ParquetOutput:
    """A Parquet table, the input's columns in it as text; the cells of a line that is no row are null."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self.columns: Sequence[str] = header.names  # those that it needs parsed
        self._schema = pa.schema([(name, TYPES.get(name, pa.string())) for name in header.names] + list(ANSWERS))
        self._writer = pq.ParquetWriter(file, self._schema, store_schema=False)  # whoever reads it finds plain text

    def write(self, answers: Answers) -> Answers:
        """Append a block's lines, and hand it on."""
        parsed = answers.parsed
        rows = np.full(len(answers.inverse), -1)  # (lines,) the position of each line's row, -1 for none
        rows[parsed.positions] = np.arange(parsed.rows.num_rows)
        cells = parsed.rows.take(pa.array(rows, mask=rows < 0))  # the cells of no row are null
        columns = [*cells.columns, *answers.distinct.take(pa.array(answers.inverse)).columns]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        return answers

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()


def csv_cells(answers: pa.Table) -> pa.Array:
    """Each answer as the cells of a CSV line, the problem in quotes. Shape: answers (n,), `ANSWERS`; returns (n,).

    >>> nothing = dict.fromkeys(ANSWERS.names)
    >>> csv_cells(pa.Table.from_pylist([nothing | {PROBLEM: 'found "a", b'}], schema=ANSWERS)).to_pylist()
    [b',,,,,,"found ""a"", b"']
    """
    problem = pc.replace_substring(answers[PROBLEM], '"', '""')
    cells = [*answers.columns[:-1], pc.binary_join_element_wise('"', problem, '"', "")]
    texts = [pc.fill_null(cell.cast(pa.string()), "") for cell in cells]
    return pc.binary_join_element_wise(*texts, ",").cast(pa.binary()).combine_chunks()


def _lines(text: bytes) -> pa.Array:
    """The lines of a block, each with a line feed before it instead of behind it; nothing is copied for each."""
    text = b"\n" + text.replace(b"\r", b"").removesuffix(b"\n")  # in a line that is a row, \r stands at the end alone
    starts = np.flatnonzero(np.frombuffer(text, np.uint8) == LINE_FEED)  # (lines,) positions of bytes
    offsets = np.append(starts, len(text)).astype(np.int32)  # (lines + 1,) as Arrow delimits binary values
    return pa.Array.from_buffers(pa.binary(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(text)])
