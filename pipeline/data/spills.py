"""What the first pass over a raw table keeps for the second, a file for each block; and the second pass over one.

A spill is small enough for memory, however long its part is.
"""

import io
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.clean import CLEAN
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.parts import Part
from pipeline.data.remote import Place, Remote, RemoteError
from pipeline.data.schema import FEATURES, HASH, TARGET
from pipeline.data.split import SPLITS, assign
from pipeline.runtime.masking import shown_address

HASHED = pa.schema([CLEAN.field(name) for name in (*FEATURES, TARGET)] + [(HASH, pa.uint64())])
"""What is kept of a clean row."""


SCRATCH = "PREPARE_SCRATCH"
"""The variable of the environment with a URL for the spills, for workers without a common disk."""
WRITABLE_URL = r"(s3|gs)://[^@?#]+"


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Place]:
    """Where spills may be until the end of the block: this new folder, or a place at the URL of the environment.

    What is there from a run that was killed goes first.
    Raises: ValueError if the URL is none that can be written to; RemoteError if it cannot be cleared.
    """
    if url := os.environ.get(SCRATCH):
        if not re.fullmatch(WRITABLE_URL, url):
            rule = f"{SCRATCH} must be a place to write to, s3://… or gs://…"
            raise ValueError(f"{rule}, found {shown_address(url)}; without it, workers need a common disk")
        place = Remote(url) / "spills"
        place.remove()
        try:
            yield place
        except BaseException:
            with suppress(RemoteError):  # the error before is told
                place.remove()
            raise
        place.remove()
    else:
        folder.mkdir()
        yield folder.absolute()  # as workers see it


@dataclass(frozen=True)
class Spill:
    """Rows of a part, kept in a file of the scratch folder."""

    place: Place
    part: Part

    def __str__(self) -> str:
        return f"{self.place.name} of {self.part}"

    def rows(self, *, again: Callable[[Part], object]) -> pa.RecordBatch:
        """The rows; if the file is lost, `again` checks the part once more, which writes it anew."""
        try:
            return read_spill(self.place)
        except FileNotFoundError:
            again(self.part)
            return read_spill(self.place)


def write_spill(place: Place, rows: pa.RecordBatch) -> Place:
    """Write some rows, of any schema; returns the place.

    Who reads a spill sees all of it, whoever writes the same once more at that moment.
    """
    if isinstance(place, Path):
        if not place.parent.is_dir():
            rule = "all workers must see the folder of spills"
            fix = f"give them a common disk, or a URL by {SCRATCH}"
            raise ValueError(f"{place.parent}: {rule}, found none; {fix}")
        draft = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
        with draft.open("wb") as file:
            _write_stream(file, rows)
        draft.replace(place)
    else:
        memory = io.BytesIO()
        _write_stream(memory, rows)
        place.write_bytes(memory.getvalue())
    return place


def _write_stream(sink: BinaryIO, rows: pa.RecordBatch) -> None:
    with pa.ipc.new_stream(sink, rows.schema) as spill:
        spill.write_batch(rows)


def read_spill(place: Place) -> pa.RecordBatch:
    """The rows of a spill."""
    with pa.ipc.open_stream(place.read_bytes()) as spill:
        return spill.read_next_batch()


def hashed(rows: pa.RecordBatch, hashes: np.ndarray) -> pa.RecordBatch:
    """Clean rows with their hashes, as `HASHED`. Shape: hashes (rows,) uint64."""
    return rows.select([*FEATURES, TARGET]).append_column(HASH, pa.array(hashes))


def encode_part(spill: Spill, encoder: Encoder, split: params.Split, again: Callable[[Part], object]) -> list[pa.Table]:
    """The rows of a spill, encoded, those of each split; as `ROWS`. A pure function of the spill's rows.

    again: checks a part, as `Spill.rows` says.
    """
    rows = spill.rows(again=again)
    columns = encoder.encode(rows) | encoder.encode_target(rows) | {HASH: rows[HASH].to_numpy()}
    splits = assign(columns[HASH], split)
    chosen = [np.flatnonzero(splits == position) for position in range(len(SPLITS))]
    return [pa.table({name: columns[name][places] for name in ROWS.names}, schema=ROWS) for places in chosen]
