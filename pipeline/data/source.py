"""A raw table as a stream of CSV text, whatever its bytes are: CSV, CSV compressed with gzip, or Parquet.

The content decides, not the name. A Parquet table becomes the CSV that its owner would have written, a batch of rows
at a time, so all that follows has one way. Each row is one line, the first is line 2: in a cell, a line break is a
carriage return.
"""

import gzip
import io
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain, pairwise
from typing import IO, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.data.cell_texts import cell_texts
from pipeline.data.file_kinds import GZIP, HEAD_BYTES, PARQUET, refuse_other_kinds
from pipeline.data.remote import Place

PIECE_BYTES, LINE_BYTES, BATCH_ROWS = 1 << 20, 16 << 20, 1 << 13
MOST_INFLATED, ANY_INFLATED = 200, 1 << 28
"""How many bytes each byte of gzip may become, once there are more than so many: a real table's become 4 to 10."""
MUST_BE_QUOTED, LINE_BREAK = r'[",\r\n]', r"\r?\n"  # Lead, AI


@contextmanager
def open_table(path: Place) -> Iterator[BinaryIO]:
    """The CSV text of a table's file. Raises: ValueError as `csv_text` and `Remote.open`."""
    with path.open("rb") as file:
        yield csv_text(file, where=str(path))


def csv_text(file: BinaryIO, *, where: str) -> BinaryIO:
    """The CSV text of the table that the file or pipe holds, which stays open.

    Raises: ValueError if it is of a kind that is no table; and while it is read, if it is damaged.
    """
    head, file = _peeked(file)
    if head.startswith(GZIP):
        head, file = _peeked(stream(_inflated(file, where=where)))
    if head.startswith(PARQUET):
        return stream(_csv_of_parquet(file, where=where))
    refuse_other_kinds(head, where=where)
    return file


class _Pieces(io.RawIOBase):
    """Pieces of bytes as one stream."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def stream(pieces: Iterable[bytes]) -> BinaryIO:
    """The pieces as one text, read when it is."""
    return io.BufferedReader(_Pieces(pieces))


def _peeked(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes, and a stream that still has them."""
    head = file.read(HEAD_BYTES)
    if file.seekable():
        file.seek(-len(head), os.SEEK_CUR)
        return head, file
    return head, stream(chain([head], iter(partial(file.read, PIECE_BYTES), b"")))


def _inflated(file: BinaryIO, *, where: str) -> Iterator[bytes]:
    packed = inflated = 0  # bytes so far

    def counted() -> Iterator[bytes]:
        nonlocal packed
        for piece in iter(partial(file.read, PIECE_BYTES), b""):
            packed += len(piece)
            yield piece

    try:
        with gzip.GzipFile(fileobj=stream(counted())) as unpacked:
            for piece in iter(partial(unpacked.read, PIECE_BYTES), b""):
                inflated += len(piece)
                if inflated > max(ANY_INFLATED, MOST_INFLATED * packed):
                    rule = f"gzip may become {MOST_INFLATED} times as many bytes, or {ANY_INFLATED:,}"
                    raise ValueError(f"{where}: {rule}, found more; unpack it first, if this is a table")
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(error, where=where, kind="gzip") from None


def _csv_of_parquet(file: BinaryIO, *, where: str) -> Iterator[bytes]:
    # A Parquet table says at its end where its parts stand.
    with nullcontext(file) if file.seekable() else _on_disk(file) as whole:
        try:
            table = pq.ParquetFile(whole, buffer_size=PIECE_BYTES)  # in memory are parts of a row group, not all of it
            names = pa.array([" ".join(name.splitlines()) for name in table.schema_arrow.names], pa.string())
            yield ",".join(_csv_cells(names).to_pylist()).encode() + b"\n"
            for rows in _pieces_of_parquet(table, whole, where=where):
                yield _csv_lines([_csv_cells(column) for column in rows.columns])
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error, where=where, kind="Parquet") from None


def _pieces_of_parquet(table: pq.ParquetFile, file: IO[bytes] | BinaryIO, *, where: str) -> Iterator[pa.RecordBatch]:
    """The rows, in pieces of about `PIECE_BYTES` of text. A file may hold a long text once that is in many rows."""
    names = [column.path for column in table.schema]
    table = pq.ParquetFile(file, metadata=table.metadata, buffer_size=PIECE_BYTES, read_dictionary=names)
    size, line = min(BATCH_ROWS, PIECE_BYTES // (8 * len(names) + 1) + 1), 2
    for batch in table.iter_batches(batch_size=size):
        lengths = sum((_text_bytes(column) for column in batch.columns), np.zeros(len(batch), np.int64))  # (rows,)
        if lengths.max(initial=0) > LINE_BYTES:
            found = f"{LINE_BYTES:,} bytes of text, found line {line + lengths.argmax()} with {lengths.max():,}"
            raise ValueError(f"{where}: a row may have {found}; shorten its longest cell, or leave out the column")
        pieces = np.cumsum(lengths) // PIECE_BYTES  # (rows,) the number of each row's piece
        for start, end in pairwise([*np.flatnonzero(np.diff(pieces, prepend=-1)).tolist(), len(batch)]):
            yield batch.slice(start, end - start)
        line += len(batch)


def _text_bytes(column: pa.Array) -> np.ndarray:
    """How long the text of each value is, in bytes; 0 for numbers, which are short. Shape: (rows,) each, int64."""
    if pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type) or pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64)
    if pa.types.is_dictionary(column.type):
        lengths = pc.take(pa.array(_text_bytes(column.dictionary)), column.indices)
    else:
        try:
            lengths = pc.binary_length(column)
        except pa.ArrowNotImplementedError:  # lists, structures: each may be long, so one at a time
            lengths = pa.array([len(str(value).encode()) for value in column], pa.int64())
    return np.asarray(pc.fill_null(lengths, 0), np.int64)


@contextmanager
def _on_disk(pipe: BinaryIO) -> Iterator[IO[bytes]]:
    """All that the pipe brings, in a temporary file, which the disk alone bounds."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(pipe, file)
        yield file


def _damaged(error: Exception, *, where: str, kind: str) -> ValueError:
    rule = f"a table that begins as {kind} must be whole"
    return ValueError(f"{where}: {rule}, found it cut off or damaged ({error}); fetch it again")


def _csv_lines(cells: list[pa.Array]) -> bytes:
    r"""The cells of each row, joined to lines. Shape: columns of (rows,).

    >>> _csv_lines([pa.array(["2023", "2024"]), pa.array(["SE", '"Lead, AI"'])])
    b'2023,SE\n2024,"Lead, AI"\n'
    """
    rows = pc.binary_join_element_wise(*cells, ",")  # (rows,) 2023,SE
    lines = pc.binary_join_element_wise(rows, "", "\n")  # (rows,) each with "" behind a line feed: 2023,SE⏎
    all_lines = pa.ListArray.from_arrays([0, len(lines)], lines)  # (1,) one list of all lines, to join them at once
    text: bytes = pc.binary_join(all_lines, "")[0].as_py().encode()
    return text


def _csv_cells(column: pa.Array) -> pa.Array:
    r"""The values as the text that a CSV file has of them, null as nothing. Shape: (rows,) each.

    >>> _csv_cells(pa.array(["Analyst", "Lead, AI", None])).to_pylist()
    ['Analyst', '"Lead, AI"', '']
    >>> _csv_cells(pa.array(["told by phone,\nask again"])).to_pylist()
    ['"told by phone,\rask again"']
    >>> _csv_cells(pa.array([[1, 2]])).to_pylist()
    ['"[1, 2]"']
    """
    texts = cell_texts(column)
    data = (texts.buffers()[2] or b"")[:]  # of all texts, one behind the other
    if re.search(MUST_BE_QUOTED.encode(), data):
        is_special = pc.match_substring_regex(texts, MUST_BE_QUOTED)
        in_one_line = pc.replace_substring_regex(texts, LINE_BREAK, "\r")
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(in_one_line, '"', '""'), '"', "")
        texts = pc.if_else(is_special, quoted, texts)
    return texts
