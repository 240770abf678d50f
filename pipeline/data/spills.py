"""What the first pass over a raw table keeps for the second, a file for each block; and the second pass over one.

A spill is small enough for memory, however long its part is.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.clean import CLEAN
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.parts import Part
from pipeline.data.schema import FEATURES, HASH, TARGET
from pipeline.data.split import SPLITS, assign

HASHED = pa.schema([CLEAN.field(name) for name in (*FEATURES, TARGET)] + [(HASH, pa.uint64())])
"""What is kept of a clean row."""


@dataclass(frozen=True)
class Spill:
    """Rows of a part, kept in a file of the scratch folder."""

    path: Path
    part: Part

    def __str__(self) -> str:
        return f"{self.path.name} of {self.part}"

    def rows(self, *, again: Callable[[Part], object]) -> pa.RecordBatch:
        """The rows; if the file is lost, `again` checks the part once more, which writes it anew."""
        try:
            return read_spill(self.path)
        except FileNotFoundError:
            again(self.part)
            return read_spill(self.path)


def write_spill(path: Path, rows: pa.RecordBatch) -> Path:
    """Write some rows, of any schema; returns the path. Two may write it at once, and none reads the half of it."""
    draft = path.with_suffix(f"{path.suffix}.{uuid.uuid4()}")
    with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_stream(file, rows.schema) as spill:
        spill.write_batch(rows)
    return draft.replace(path)


def read_spill(path: Path) -> pa.RecordBatch:
    """The rows of a spill."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as spill:
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
