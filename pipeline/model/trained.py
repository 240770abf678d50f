"""Trained networks without torch: codes in, one normalised target out, with the same bits on every machine.

They compute what the networks in `network` do, in float64, of operations that IEEE 754 defines to the last bit: sums in
a fixed order, products, quotients and square roots, each rounded on its own, and `exact_layers`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.data.encoding import UNKNOWN, Encoder
from pipeline.model.code_columns import CodeColumns
from pipeline.model.exact_layers import ExactLinear
from pipeline.model.tensors import layer_names
from pipeline.params import Embedding, Mlp, Recipe

BENDS = {"standard": 2.0, "log1p": 2.0, "minmax": 0.25}
"""Where a positive output bends, by the kind of scaling: two standard deviations above the floor, or so."""
BLOCK = 1024  # rows that are computed at a time: their numbers stay in the processor's caches

Weights = Mapping[str, np.ndarray]
"""The weights by the names that the networks in `network` give them, float32."""


class TrainedNetwork:
    """A network that predicts one number per row; `columns` names the columns of codes it reads, in order."""

    def __init__(self, columns: Sequence[str], weights: Weights) -> None:
        self.columns, self.weights = tuple(columns), weights

    def predict_normalised(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The predictions, which do not depend on a row's neighbours.

        Shape: codes by column, each (rows,); returns (rows,) float32, infinite or NaN where the weights overflow.
        """
        inputs = np.stack([codes[name] for name in self.columns], axis=1)  # (rows, columns) int16
        output = np.empty(len(inputs), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # whoever calls looks for what is not finite
            for start in range(0, len(inputs), BLOCK):
                rows = slice(start, start + BLOCK)
                output[rows] = self.compute(inputs[rows])[:, 0]
        return output

    def compute(self, codes: np.ndarray) -> np.ndarray:
        """The normalised target. Shape: codes (rows, columns); returns (rows, 1) float64."""
        raise NotImplementedError


class TrainedMlp(TrainedNetwork):
    """`CourseNet` after training."""

    def __init__(self, recipe: Recipe, weights: Weights) -> None:
        super().__init__(recipe.features, weights)
        self.layers = [_layer(weights, name) for name in layer_names(recipe.network)]

    def compute(self, codes: np.ndarray) -> np.ndarray:
        """The normalised target. Shape: codes (rows, columns); returns (rows, 1) float64."""
        return _through(self.layers, codes.astype(np.float64))


class TrainedEmbedding(TrainedNetwork):
    """`EmbeddingNet` after training."""

    def __init__(self, recipe: Recipe, settings: Embedding, encoder: Encoder, weights: Weights) -> None:
        self.order, self.scaling = CodeColumns.of(recipe.features, encoder), encoder.scaling
        super().__init__(self.order.names, weights)
        self.layers = [_layer(weights, name) for name in layer_names(settings)]
        tables = [weights[f"{name}.weight"].astype(np.float64) for name in ("embedding", "skip")]
        self.table = np.concatenate(tables, axis=1)  # (codes of all columns, width + 1): a vector, a linear share
        if self.order.words:
            self.table[self.order.starts[-1]] = 0.0  # an empty slot of a word holds the unknown, and counts as nothing
        self.is_positive = settings.output == "positive"

    def compute(self, codes: np.ndarray) -> np.ndarray:
        """The normalised target. Shape: codes (rows, columns); returns (rows, 1) float64."""
        rows = self.table.take(codes + np.array(self.order.starts), axis=0)  # (rows, columns, width + 1)
        columns = np.moveaxis(rows, 1, 0)  # (columns, rows, width + 1)
        nominals, words = len(self.order.nominals), len(columns) - len(self.order.words)
        bags = [sum(columns[words:, :, :-1])] if self.order.words else []  # (rows, width)
        seen = [*columns[:nominals, :, :-1], *bags, self._numbers(codes[:, nominals:words])]
        linear = sum(columns[:, :, -1:])  # (rows, 1)
        output: np.ndarray = _through(self.layers, np.concatenate(seen, axis=1)) + linear
        if not self.is_positive:
            return output
        return self.scaling.floor + _positive(output - self.scaling.floor, bend=BENDS[self.scaling.kind])

    def _numbers(self, codes: np.ndarray) -> np.ndarray:
        """The codes of ordinals as numbers from -1 to 1, the unknown in the middle. Shape: (rows, ordinals), both."""
        numbers: np.ndarray = ((codes - 1.0) / self.order.largest * 2 - 1) * (codes > UNKNOWN)
        return numbers


def trained(recipe: Recipe, encoder: Encoder, weights: Weights) -> TrainedNetwork:
    """The recipe's network with these weights, for rows as the encoder encodes them."""
    if isinstance(recipe.network, Mlp):
        return TrainedMlp(recipe, weights)
    return TrainedEmbedding(recipe, recipe.network, encoder, weights)


def _layer(weights: Weights, name: str) -> ExactLinear:
    return ExactLinear.of(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _through(layers: Sequence[ExactLinear], values: np.ndarray) -> np.ndarray:
    """The last layer's output, with ReLU before it and all but the first. Shape: (rows, inputs); returns (rows, 1)."""
    *hidden, output = layers
    for layer in hidden:
        values = np.maximum(layer(values), 0.0)  # (rows, units)
    return output(values)


def _positive(values: np.ndarray, *, bend: float) -> np.ndarray:
    """`layers.positive` with a square root, which numpy leaves to the processor. Shape: any; returns the same."""
    positive: np.ndarray = np.maximum(values + np.sqrt(values * values + bend * bend), 0.0) / 2
    return positive
