"""Several files as one CSV text: what putting them together without the later headers would make."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import BinaryIO

from pipeline.data.csv_blocks import UTF8_MARK
from pipeline.data.remote import Place
from pipeline.data.source import LINE_BYTES, PIECE_BYTES, open_table, stream


def joined_text(files: Mapping[str, Place]) -> BinaryIO:
    """The text of the files, which must have one header. Blank lines at the end of a file are no rows.

    Raises: ValueError, while it is read, if a file has another header than the first, is none or is damaged.
    """
    return stream(_pieces(files))


def _pieces(files: Mapping[str, Place]) -> Iterator[bytes]:
    header, first = None, ""
    for name, path in files.items():
        with open_table(path) as file:
            line = file.readline(LINE_BYTES).removeprefix(UTF8_MARK).rstrip(b"\r\n")
            if not line.strip():
                raise ValueError(f"{path}: line 1 must be a header, found nothing; leave out this file")
            if header is None:
                header, first = line, name
                yield header + b"\n"
            elif line != header:
                fix = "give all files of the folder the same columns in the same order"
                raise ValueError(f"{path}: line 1 must be the header of {first}, found another one; {fix}")
            yield from _rows(file)


def _rows(file: BinaryIO) -> Iterator[bytes]:
    """The rows, the last one with a line feed at its end, and nothing behind it."""
    waiting, some = b"", False
    for piece in iter(partial(file.read, PIECE_BYTES), b""):
        text = piece.rstrip(b"\r\n")
        if text:
            yield waiting + text
            waiting, some = b"", True
        waiting += piece[len(text) :]
    if some:
        yield b"\n"
