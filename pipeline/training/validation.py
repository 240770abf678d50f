"""The validation loss of an epoch: each different row of codes is predicted once, however many rows have it."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.code_rows import distinct_codes
from pipeline.data.schema import NORMALISED
from pipeline.model.network import Regressor
from pipeline.model.reproducible import torch
from pipeline.training.row_range import RowRange


@dataclass(frozen=True)
class ValidationBlock:
    """Some rows of the split: their different inputs, which of these each row has, and the normalised targets.

    Shape: inputs (different, columns), inverse (rows,) and target (rows,).
    """

    inputs: torch.Tensor
    inverse: torch.Tensor
    target: torch.Tensor


@dataclass(frozen=True)
class ValidationRows:
    """A split's rows for any number of passes: those of one row group lie in memory, of more one group at a time."""

    file: RowRange
    network: Regressor

    def __iter__(self) -> Iterator[ValidationBlock]:
        return map(self._block, range(len(self.file.groups)))

    def _block(self, group: int) -> ValidationBlock:
        table = self.file.read(group, [*self.network.columns, NORMALISED])
        columns = {name: table[name].to_numpy() for name in table.column_names}  # each (rows,)
        codes, inverse = distinct_codes(columns, self.network.columns)
        numbers = inverse.astype(np.int64), columns[NORMALISED].astype(np.float32)
        tensors = self.network.inputs(codes), *map(torch.from_numpy, numbers)
        return ValidationBlock(*(tensor.to(self.network.device) for tensor in tensors))


def validation_rows(path: Path, network: Regressor) -> Iterable[ValidationBlock]:
    """The split in the file, as the network reads it. Raises: ValueError if it has no row."""
    rows = ValidationRows(RowRange.whole(path), network)
    return list(rows) if len(rows.file.groups) <= 1 else rows


def validation_loss(network: Regressor, valid: Iterable[ValidationBlock]) -> float:
    """The mean squared error over the split, in squared normalised units, summed in float64, block by block."""
    sums, rows = [], 0
    for block in valid:
        predicted = network.predict_normalised(block.inputs)[block.inverse]  # (rows,), to the bit as if each had passed
        errors = predicted.double() - block.target.double()
        sums.append(float((errors * errors).sum()))
        rows += len(errors)
    return math.fsum(sums) / rows
