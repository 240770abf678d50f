"""What a network predicts for encoded rows on disk, beside what they say: few bytes per row, however many there are."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.conformal import LEVEL, Outcomes
from pipeline.encoding import Scaling
from pipeline.network import Regressor
from pipeline.schema import TARGET

ROWS_AT_ONCE = 1 << 17


def read_outcomes(path: Path, network: Regressor, scaling: Scaling) -> Outcomes:
    """The predicted and the actual salary of each row of the file, and its experience level."""
    columns = list(dict.fromkeys((*network.columns, LEVEL, TARGET)))
    parts = []
    for block in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE, columns=columns):
        rows = {name: block[name].to_numpy() for name in columns}
        prediction = scaling.to_dollars(network.predict(network.inputs(rows)).numpy())
        parts.append((prediction, rows[TARGET], rows[LEVEL]))
    return Outcomes(*(np.concatenate(column) for column in zip(*parts, strict=True)))
