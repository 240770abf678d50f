"""What the first pass over a raw table keeps for the second, a file for each block; and the second pass over one.

A spill is small enough for memory, however long its part is.
"""

import secrets
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import params
from pipeline.data.clean import CLEAN
from pipeline.data.encoding import ROWS, Encoder
from pipeline.data.remote import Place
from pipeline.data.schema import FEATURES, HASH, TARGET
from pipeline.data.split import SPLITS, assign

HASHED = pa.schema([CLEAN.field(name) for name in (*FEATURES, TARGET)] + [(HASH, pa.uint64())])
"""What is kept of a clean row."""


def write_spill(place: Place, rows: pa.RecordBatch) -> Place:
    """Write some rows, of any schema; returns the place.

    Who reads a spill sees all of it, whoever writes the same once more at that moment.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as spill:
        spill.write_batch(rows)
    if isinstance(place, Path):
        draft = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
        draft.write_bytes(sink.getvalue())
        draft.replace(place)
    else:
        place.write_bytes(sink.getvalue().to_pybytes())
    return place


def read_spill(place: Place) -> pa.RecordBatch:
    """The rows of a spill."""
    with pa.ipc.open_stream(place.read_bytes()) as spill:
        return spill.read_next_batch()


def hashed(rows: pa.RecordBatch, hashes: np.ndarray) -> pa.RecordBatch:
    """Clean rows with their hashes, as `HASHED`. Shape: hashes (rows,) uint64."""
    return rows.select([*FEATURES, TARGET]).append_column(HASH, pa.array(hashes))


def encode_part(spill: Place, encoder: Encoder, split: params.Split) -> list[pa.Table]:
    """The rows of a spill, encoded, those of each split; as `ROWS`. A pure function of the spill's rows."""
    rows = read_spill(spill)
    columns = encoder.encode(rows) | encoder.encode_target(rows) | {HASH: rows[HASH].to_numpy()}
    splits = assign(columns[HASH], split)
    chosen = [np.flatnonzero(splits == position) for position in range(len(SPLITS))]
    return [pa.table({name: columns[name][places] for name in ROWS.names}, schema=ROWS) for places in chosen]
