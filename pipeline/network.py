"""The networks: codes in, one normalised salary out."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np

from pipeline.encoding import TITLE, UNKNOWN, WORDS
from pipeline.params import Embedding, Mlp, Recipe
from pipeline.reproducible import nn, torch
from pipeline.schema import ORDINALS

BLOCK = 1024  # rows; a matrix product of a multiple of 8 rows rounds each row alike


class Regressor(nn.Module):
    """A network that predicts one number per row; `columns` names the columns of codes it reads, in order."""

    dtype: torch.dtype

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__()
        self.columns = tuple(columns)

    def inputs(self, codes: Mapping[str, np.ndarray]) -> torch.Tensor:
        """The rows' codes as the network reads them. Shape: each (rows,); returns (rows, columns)."""
        return torch.from_numpy(np.stack([codes[name] for name in self.columns], axis=1)).to(self.dtype)

    @torch.inference_mode()
    def predict(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predictions that do not depend on a row's neighbours: rows pass in blocks of one size, the last one padded.

        Shape: inputs (rows, columns); returns (rows,).
        """
        self.eval()
        padded = torch.cat([inputs, inputs.new_zeros(-len(inputs) % BLOCK, inputs.shape[1])])
        return torch.cat([self(block) for block in torch.split(padded, BLOCK)]).squeeze(1)[: len(inputs)]


class CourseNet(Regressor):
    """The course's network: codes as float inputs, ReLU layers, one linear output.

    Shape: inputs (rows, columns) float32; returns (rows, 1).
    """

    dtype = torch.float32

    def __init__(self, columns: Sequence[str], settings: Mlp) -> None:
        super().__init__(columns)
        self.layers = relu_layers([len(columns), *settings.hidden])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict normalised salaries."""
        output: torch.Tensor = self.layers(inputs)
        return output


class EmbeddingNet(Regressor):
    """Embedded categories, a bag of title words and ordinals as numbers, through ReLU layers; linear skips beside them.

    In training some codes become "unknown", so that the unknown of tomorrow is no stranger. One table holds the
    embeddings of all columns, and another each code's linear share of the prediction.

    Shape: inputs (rows, columns) int16; returns (rows, 1).
    """

    dtype = torch.int16

    def __init__(
        self, features: Sequence[str], settings: Embedding, *, sizes: Mapping[str, int], generator: torch.Generator
    ) -> None:
        nominals = [name for name in features if name not in ORDINALS]
        ordinals = [name for name in features if name in ORDINALS]
        words = WORDS if TITLE in features else ()
        super().__init__((*nominals, *ordinals, *words))
        self.nominals = slice(len(nominals))
        self.ordinals = slice(len(nominals), len(features))
        self.words = slice(len(features), None)
        *starts, end = accumulate((sizes[name] for name in (*nominals, *ordinals)), initial=0)
        table = end + (sizes[words[0]] if words else 0)
        self.starts = torch.tensor([*starts, *(end for _ in words)], dtype=torch.int32)
        self.largest = torch.tensor([max(sizes[name] - 2, 1) for name in ordinals])
        self.embedding = nn.Embedding(table, settings.width)
        self.skip = nn.Embedding(table, 1)
        self.code_dropout = Dropout(settings.code_dropout, generator=generator)
        width = settings.width * (len(nominals) + bool(words)) + len(ordinals)
        self.layers = relu_layers([width, *settings.hidden], dropout=Dropout(settings.dropout, generator=generator))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict normalised salaries."""
        codes = inputs.int() * self.code_dropout.mask(inputs)
        vectors = self.embedding(codes + self.starts)  # (rows, columns, width)
        shares = self.skip(codes + self.starts)  # (rows, columns, 1)
        known = codes > UNKNOWN
        is_word = known[:, self.words].unsqueeze(2)
        bag = (vectors[:, self.words] * is_word).sum(1)  # (rows, width)
        ordinals = ((codes[:, self.ordinals] - 1) / self.largest * 2 - 1) * known[
            :, self.ordinals
        ]  # -1 to 1, unknown 0
        hidden = torch.cat([vectors[:, self.nominals].flatten(1), bag, ordinals], dim=1)
        linear = shares[:, : self.words.start].sum(1) + (shares[:, self.words] * is_word).sum(1)
        output: torch.Tensor = self.layers(hidden) + linear
        return output


class Dropout(nn.Module):
    """Sets values to zero with probability `rate` in training, and scales the others up to keep the sum.

    Source: torch.nn.Dropout, which draws from the global generator; this one draws from its own.
    """

    def __init__(self, rate: float, *, generator: torch.Generator) -> None:
        super().__init__()
        self.rate = rate
        self.generator = generator

    def mask(self, values: torch.Tensor) -> torch.Tensor:
        """True where a value stays. Shape: that of the values."""
        if not self.training or not self.rate:
            return torch.ones_like(values, dtype=torch.bool)
        return torch.rand(values.shape, generator=self.generator) >= self.rate

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Drop values in training, none in evaluation."""
        return values * self.mask(values) / (1 - self.rate) if self.training else values


def relu_layers(widths: Sequence[int], *, dropout: nn.Module | None = None) -> nn.Sequential:
    """Linear layers of the given widths with ReLU (and dropout) behind each, then one linear output."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU(), *([dropout] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


@torch.no_grad()
def initialise(network: nn.Module, *, generator: torch.Generator) -> None:
    """Draw all weights anew from the generator; linear skips start at zero.

    Source: torch's default for linear layers, uniform within 1 / sqrt(inputs); embeddings have that variance times 3.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            for parameter in (module.weight, module.bias):
                _draw(parameter, 1 / math.sqrt(module.in_features), generator)
        elif isinstance(module, nn.Embedding):
            wide = module.embedding_dim > 1
            _draw(module.weight, math.sqrt(3 / module.embedding_dim) if wide else 0.0, generator)


def _draw(parameter: torch.Tensor, bound: float, generator: torch.Generator) -> None:
    parameter.copy_((torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound)


def build(recipe: Recipe, *, sizes: Mapping[str, int], generator: torch.Generator) -> Regressor:
    """The recipe's network with fresh weights; `sizes` says how many codes each column can hold."""
    network: Regressor
    if isinstance(recipe.network, Mlp):
        network = CourseNet(recipe.features, recipe.network)
    else:
        network = EmbeddingNet(recipe.features, recipe.network, sizes=sizes, generator=generator)
    initialise(network, generator=generator)
    return network
