"""`full`'s network, each time with one published idea more, for benchmarks/ablation.py."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.encoding import Encoder
from pipeline.data.schema import FEATURES, HASH, NORMALISED, ORDINALS
from pipeline.data.split import SPLITS
from pipeline.model.network import EmbeddingNet
from pipeline.model.reproducible import nn, torch
from pipeline.params import Embedding

HEADS = 8
FREQUENCIES = 2.0 ** torch.arange(-1, 3)  # waves over an ordinal's range
FOLDS = 10
SHRINKAGE = 10  # rows at the mean of all, added to those of each value
NOMINALS = [name for name in FEATURES if name not in ORDINALS]
MEANS = tuple(f"mean_of_{name}" for name in NOMINALS)
PARTS = 1000  # of the normalised target's unit: stored among the codes, means must be whole numbers


class Variant(EmbeddingNet):
    """`full`'s network, changed once it is built."""

    def __init__(
        self, features: Sequence[str], settings: Embedding, encoder: Encoder, *, generator: torch.Generator
    ) -> None:
        super().__init__(features, settings, encoder, generator=generator)
        before_first = self._embed(torch.zeros(1, len(self.columns), dtype=torch.int32))[0].shape[1]
        self.widths = [before_first, *settings.hidden, 1]
        self.change()

    def change(self) -> None:
        """Lay the first layer anew, as wide as what it sees; `widths` has those of all layers' inputs and outputs."""
        self.hidden[0] = nn.Linear(self.widths[0], self.widths[1])


class WithoutSkips(Variant):
    """No linear share of each code beside the hidden layers."""

    def _embed(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden, linear = super()._embed(codes)
        return hidden, torch.zeros_like(linear)


class Wider(Variant):
    """The first layer reads extra inputs beside the embeddings and the ordinals."""

    def extra_inputs(self, codes: torch.Tensor) -> torch.Tensor:
        """What else the first layer reads. Shape: codes (rows, columns); returns (rows, any)."""
        raise NotImplementedError

    def _embed(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden, linear = super()._embed(codes)
        return torch.cat([hidden, self.extra_inputs(codes)], dim=1), linear


class EmbeddedOrdinals(Wider):
    """Ordinals embedded, too, as the nominals are."""

    def extra_inputs(self, codes: torch.Tensor) -> torch.Tensor:
        """The ordinals' embeddings."""
        vectors: torch.Tensor = self.embedding(codes + self.starts)  # (rows, columns, width)
        return vectors[:, self.ordinals].flatten(1)  # (rows, ordinals * width)


class PiecewiseLinearOrdinals(Wider):
    """Ordinals in piecewise linear encoding: every value is a knot, so that is a 0 or 1 for each value reached.

    Source: Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning" (2022).
    """

    def extra_inputs(self, codes: torch.Tensor) -> torch.Tensor:
        """Which values each ordinal has reached."""
        values = torch.arange(1, int(self.largest.max()) + 2)  # (values,)
        return (codes[:, self.ordinals].unsqueeze(2) >= values).flatten(1).float()  # (rows, ordinals * values)


class PeriodicOrdinals(Wider):
    """Ordinals as sines and cosines, of fixed frequencies.

    Source: as PiecewiseLinearOrdinals, whose authors train the frequencies.
    """

    def extra_inputs(self, codes: torch.Tensor) -> torch.Tensor:
        """The waves at each ordinal's code."""
        positions = codes[:, self.ordinals] / self.largest  # (rows, ordinals), from 0 to 1
        angles = (2 * math.pi * positions.unsqueeze(2) * FREQUENCIES).flatten(1)  # (rows, ordinals * frequencies)
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class Parallel(nn.Module):
    """Linear layers side by side. Shape: inputs (rows, width) or (heads, rows, width); returns (heads, rows, units)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, units) for _ in range(HEADS))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Each layer's own outputs of its own inputs."""
        inputs = inputs.expand(HEADS, *inputs.shape[-2:])  # (heads, rows, width)
        return torch.stack([layer(part) for layer, part in zip(self.layers, inputs, strict=True)])


class PackedHeads(Variant):
    """Several networks on one embedding, each with its own loss; what they predict is their mean."""

    def change(self) -> None:
        """Multiply every layer."""
        *hidden, output = pairwise(self.widths)
        self.hidden = nn.ModuleList(Parallel(*pair) for pair in hidden)
        self.add_module("output", Parallel(*output))

    def forward(self, inputs: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """In training every head's prediction, all to be compared with the one target. Shape: (heads, rows, 1)."""
        heads = super().forward(inputs, noise)
        return heads if self.training else heads.mean(0)


class TabM(PackedHeads):
    """The same with shared hidden layers: each head sees the inputs with signs of its own, and has its own output.

    Source: Gorishniy et al., "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling" (2025),
    the mini variant.
    """

    signs = torch.ones(1)

    def change(self) -> None:
        """Draw the signs."""
        self.add_module("output", Parallel(*self.widths[-2:]))
        draws = torch.rand(HEADS, 1, self.widths[0], generator=torch.Generator().manual_seed(0))
        self.signs = (draws < 0.5) * 2.0 - 1.0

    def _embed(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden, linear = super()._embed(codes)
        return hidden * self.signs, linear


class TargetEncoded(Wider):
    """The nominals' mean targets beside their embeddings; `add_target_means` computes them."""

    means = torch.zeros(1, len(MEANS))

    def change(self) -> None:
        """Read the means behind the codes."""
        super().change()
        self.columns += MEANS

    def forward(self, inputs: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Predict normalised salaries."""
        self.means = inputs[:, -len(MEANS) :] / PARTS
        return super().forward(inputs[:, : -len(MEANS)], noise)

    def extra_inputs(self, codes: torch.Tensor) -> torch.Tensor:
        """The means that `forward` has split off."""
        return self.means


def add_target_means(folder: Path) -> None:
    """Write into the prepared splits, beside each nominal, its value's shrunken mean target among the training rows.

    A training row gets the mean of the other folds' rows, so that it does not see its own target.
    Source: Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes" (2001).
    """
    train = pq.read_table(folder / "train.parquet")
    target, of_train = train[NORMALISED].to_numpy(), train[HASH].to_numpy() % FOLDS  # equal rows in one fold
    for split in SPLITS:
        path = folder / f"{split}.parquet"
        table = pq.read_table(path)
        folds = of_train if split == "train" else np.full(table.num_rows, FOLDS)  # none is left out
        for name, column in zip(NOMINALS, MEANS, strict=True):
            codes, of_row = train[name].to_numpy(), table[name].to_numpy()
            size = max(codes.max(), of_row.max()) + 1
            means = [_means(codes[of_train != fold], target[of_train != fold], size) for fold in range(FOLDS + 1)]
            parts = np.rint(np.stack(means)[folds, of_row] * PARTS).astype(np.int16)  # of a (folds + 1, size) table
            table = table.append_column(column, pa.array(parts))
        pq.write_table(table, path)


def _means(codes: np.ndarray, target: np.ndarray, size: int) -> np.ndarray:
    """The mean target of each code, shrunk to 0, the mean of a standardised target. Shape: returns (size,)."""
    return np.bincount(codes, target, minlength=size) / (np.bincount(codes, minlength=size) + SHRINKAGE)
