"""`full`'s network, each time with one published idea more, for benchmarks/ablation.py."""

import math
from collections.abc import Sequence
from itertools import pairwise

from pipeline.data.encoding import Encoder
from pipeline.model.network import EmbeddingNet
from pipeline.model.reproducible import nn, torch
from pipeline.params import Embedding

HEADS = 8
FREQUENCIES = 2.0 ** torch.arange(-1, 3)  # waves over an ordinal's range


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
