"""The networks: codes in, one normalised target out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from pipeline.data.encoding import UNKNOWN, Encoder
from pipeline.data.schema import FEATURES
from pipeline.model.code_columns import CodeColumns
from pipeline.model.layers import initialise, mask, positive, relu_and_dropout, relu_layers
from pipeline.model.reproducible import nn, torch
from pipeline.model.trained import BENDS
from pipeline.params import Embedding, Mlp, Recipe, check_features

BLOCK = 1024  # rows; a matrix product of a multiple of 8 rows rounds each row alike


class Regressor(nn.Module):
    """A network that predicts one number per row; `columns` names the columns of codes it reads, in order.

    Its only randomness are `noise_width` uniform numbers per row, which dropout compares with its rate in training:
    given as an argument of `forward`, or else drawn from the network's generator.
    """

    dtype: torch.dtype
    noise_width = 0

    def __init__(self, columns: Sequence[str], *, generator: torch.Generator) -> None:
        super().__init__()
        self.columns, self.generator = tuple(columns), generator

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.parameters()).device

    def move_to(self, device: torch.device, *, seed: int) -> None:
        """Compute there from now on; a device other than the CPU needs a generator of its own kind."""
        if device != self.device:
            self.to(device)
            self.generator = torch.Generator(device).manual_seed(seed)

    def weights(self) -> dict[str, np.ndarray]:
        """The weights by name, as they are now."""
        return {name: weight.cpu().numpy().copy() for name, weight in self.state_dict().items()}

    def inputs(self, codes: Mapping[str, np.ndarray]) -> torch.Tensor:
        """The rows' codes as the network reads them. Shape: each (rows,); returns (rows, columns)."""
        stacked = np.stack([codes[name] for name in self.columns], axis=1)  # (rows, columns) int16
        return torch.from_numpy(stacked).to(self.dtype)

    def noise(self, rows: int) -> torch.Tensor:
        """Uniform numbers from 0 to 1 for the dropout of as many rows. Shape: (rows, noise_width)."""
        return torch.rand(rows, self.noise_width, generator=self.generator, device=self.generator.device)

    @torch.inference_mode()
    def predict_normalised(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predictions that do not depend on a row's neighbours: rows pass in blocks of one size, the last one padded.

        Shape: inputs (rows, columns); returns (rows,).
        """
        self.eval()
        padding = inputs.new_zeros(-len(inputs) % BLOCK, inputs.shape[1])  # (0 to BLOCK - 1, columns)
        blocks = torch.split(torch.cat([inputs, padding]), BLOCK)  # each (BLOCK, columns)
        return torch.cat([self(block) for block in blocks]).squeeze(1)[: len(inputs)]


class CourseNet(Regressor):
    """The course's network: codes as float inputs, ReLU layers, one linear output.

    Shape: inputs (rows, columns) float32; returns (rows, 1).
    """

    dtype = torch.float32

    def __init__(self, columns: Sequence[str], settings: Mlp, *, generator: torch.Generator) -> None:
        super().__init__(columns, generator=generator)
        self.layers = relu_layers([len(columns), *settings.hidden])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict the normalised target."""
        output: torch.Tensor = self.layers(inputs)
        return output


class EmbeddingNet(Regressor):
    """Embedded categories, a bag of the text's words and ordinals as numbers, through ReLU layers; linear skips beside.

    In training some codes become "unknown", so that the unknown of tomorrow is no stranger. One table holds the
    embeddings of all columns, and another each code's linear share of the prediction. Without the contract's text
    column among the features, there are no words. A positive output lies above the contract's smallest target, and low
    predictions come close to each other in proportion.

    Shape: inputs (rows, columns) int16, the columns nominals, ordinals, words; returns (rows, 1).
    """

    dtype = torch.int16
    starts: torch.Tensor
    largest: torch.Tensor

    def __init__(
        self, features: Sequence[str], settings: Embedding, encoder: Encoder, *, generator: torch.Generator
    ) -> None:
        order, scaling = CodeColumns.of(features, encoder), encoder.scaling
        super().__init__(order.names, generator=generator)
        self.nominals, self.ordinals = slice(len(order.nominals)), slice(len(order.nominals), len(features))
        self.words, self.has_words = slice(len(features), None), bool(order.words)
        self.register_buffer("starts", torch.tensor(order.starts, dtype=torch.int32), persistent=False)  # (columns,)
        self.register_buffer("largest", torch.tensor(order.largest), persistent=False)  # (ordinals,)
        self.embedding = nn.Embedding(order.rows, settings.width)
        self.skip = nn.Embedding(order.rows, 1)
        widths = [order.inputs(settings.width), *settings.hidden]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.output = nn.Linear(widths[-1], 1)
        self.is_positive, self.floor, self.bend = settings.output == "positive", scaling.floor, BENDS[scaling.kind]
        self.dropout, self.code_dropout = settings.dropout, settings.code_dropout
        self.noise_widths = [len(self.columns), *settings.hidden]
        self.noise_width = sum(self.noise_widths)

    def forward(self, inputs: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the normalised target. Shape: noise (rows, noise_width); evaluation needs none."""
        codes = inputs.int()  # (rows, columns)
        noises: Sequence[torch.Tensor | None] = [None] * len(self.hidden)
        if self.training:
            noise = self.noise(len(inputs)) if noise is None else noise
            code_noise, *noises = torch.split(noise, self.noise_widths, dim=1)  # (rows, columns), each (rows, hidden)
            kept = mask(torch.ge, code_noise, self.code_dropout, dtype=codes.dtype)  # (rows, columns)
            codes = codes * kept  # a dropped code is 0, the unknown
        hidden, linear = self._embed(codes)
        for layer, layer_noise in zip(self.hidden, noises, strict=True):
            hidden = relu_and_dropout(layer(hidden), layer_noise, rate=self.dropout)  # (rows, hidden)
        output: torch.Tensor = self.output(hidden) + linear  # (rows, 1)
        return self.floor + positive(output - self.floor, bend=self.bend) if self.is_positive else output

    def _embed(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the first layer sees of each row, and the row's linear share of the prediction.

        Shape: codes (rows, columns); returns (rows, nominals * width + width + ordinals) and (rows, 1).
        """
        places = (codes + self.starts).long()  # (rows, columns)
        # by indexing, whose derivative is faster than nn.Embedding's
        vectors, shares = self.embedding.weight[places], self.skip.weight[places]  # (rows, columns, width or 1)
        known = mask(torch.gt, codes, UNKNOWN)  # (rows, columns)
        is_word = known[:, self.words].unsqueeze(2)  # (rows, words, 1); an empty slot holds the unknown
        bags = [(vectors[:, self.words] * is_word).sum(1)] if self.has_words else []  # (rows, width)
        numbers = (codes[:, self.ordinals] - 1) / self.largest * 2 - 1  # (rows, ordinals), from -1 to 1
        ordinals = numbers * known[:, self.ordinals]  # the unknown in the middle
        linear = shares[:, : self.words.start].sum(1) + (shares[:, self.words] * is_word).sum(1)  # (rows, 1)
        nominals = vectors[:, self.nominals].flatten(1)  # (rows, nominals * width)
        return torch.cat([nominals, *bags, ordinals], dim=1), linear


def build(recipe: Recipe, encoder: Encoder, *, generator: torch.Generator, where: str = "recipe") -> Regressor:
    """The recipe's network with fresh weights, for rows and a target as the encoder encodes them.

    Raises: ValueError if a feature is not the data contract's; it names its path, which begins with `where`.
    """
    check_features(recipe.features, FEATURES, where=where)
    if isinstance(recipe.network, Mlp):
        network: Regressor = CourseNet(recipe.features, recipe.network, generator=generator)
    else:
        network = EmbeddingNet(recipe.features, recipe.network, encoder, generator=generator)
    initialise(network, generator=generator)
    return network
