"""What the training loops are compared on: a network, rows of the sample, a batch size."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.model.layers import relu_layers
from pipeline.model.network import Regressor, build
from pipeline.model.reproducible import TensorDataset, nn, torch
from pipeline.params import Mlp, Recipe
from pipeline.training.loader import read_rows

PREPARED = Path("data/prepared")
LEARNING_RATE = 0.001
WIDE = "64-64"  # the course's recipe with wider layers

Train = Callable[[int], object]  # trains for so many epochs


@dataclass(frozen=True)
class Task:
    """A recipe's network to be trained with Adam on the mean squared error, so many rows a step.

    Shape: an epoch has whole batches only: the sample's training rows, again and again.
    """

    recipe: Recipe
    batch: int
    rows: TensorDataset

    @property
    def hidden(self) -> tuple[int, ...]:
        """The widths of a plain network's ReLU layers.

        Raises: NotImplementedError if the network has embeddings, which not every library can express.
        """
        if isinstance(self.recipe.network, Mlp):
            return self.recipe.network.hidden
        raise NotImplementedError("embeddings")

    def regressor(self) -> Regressor:
        """The pipeline's own network, with fresh weights."""
        encoder = Encoder.read(PREPARED / "encoder.json")
        return build(self.recipe, encoder, generator=torch.Generator().manual_seed(1))

    def network(self) -> nn.Module:
        """The network as PyTorch's users write it; embeddings and dropout are the pipeline's own."""
        if isinstance(self.recipe.network, Mlp):
            return relu_layers([len(self.recipe.features), *self.hidden])
        return self.regressor()


def read_task(name: str, batch: int) -> Task:
    """The task on the prepared sample: a recipe of params.yaml, or WIDE."""
    recipe = params.load(Recipe, "recipes", "course" if name == WIDE else name)
    if name == WIDE:
        recipe = recipe.model_copy(update={"network": Mlp(kind="mlp", hidden=(64, 64))})
    task = Task(recipe, batch, TensorDataset())
    rows = read_rows(PREPARED / "train.parquet", task.regressor())
    wanted = max(1 << 14, 8 * batch)
    columns = (column.repeat(wanted // len(rows) + 1, 1)[:wanted] for column in rows.tensors)
    return Task(recipe, batch, TensorDataset(*columns))
