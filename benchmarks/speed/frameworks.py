"""The same training in the libraries that people use for it, at their leanest: no logs, no checkpoints, no bars.

A library that is not installed is ModuleNotFoundError; one that cannot express the network, NotImplementedError.
"""

import os

import numpy as np

from benchmarks.speed.tasks import LEARNING_RATE, Task, Train
from pipeline.model.reproducible import DataLoader, nn, torch


def fabric(task: Task) -> Train:
    """Lightning's Fabric: the textbook's loop, with its own wrappers."""
    from lightning.fabric import Fabric

    fabric = Fabric(accelerator="cpu", devices=1)
    network = task.network()
    network, optimizer = fabric.setup(network, torch.optim.Adam(network.parameters(), lr=LEARNING_RATE))
    loader = fabric.setup_dataloaders(DataLoader(task.rows, task.batch, shuffle=True))
    criterion = nn.MSELoss()

    def train(epochs: int) -> None:
        for _ in range(epochs):
            for inputs, target in loader:
                optimizer.zero_grad()
                fabric.backward(criterion(network(inputs), target))
                optimizer.step()

    return train


def lightning(task: Task) -> Train:
    """Lightning's Trainer."""
    from lightning import LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.criterion = task.network(), nn.MSELoss()

        def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
            inputs, target = batch
            loss: torch.Tensor = self.criterion(self.network(inputs), target)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    module, loader = Module(), DataLoader(task.rows, task.batch, shuffle=True)
    quiet = dict.fromkeys(["logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"], False)
    return lambda epochs: Trainer(accelerator="cpu", devices=1, max_epochs=epochs, **quiet).fit(module, loader)


def skorch(task: Task) -> Train:
    """skorch: scikit-learn's interface around a torch network."""
    from skorch import NeuralNetRegressor

    net = NeuralNetRegressor(
        task.network(),
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=task.batch,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ).initialize()
    inputs, target = (column.numpy() for column in task.rows.tensors)
    return lambda epochs: net.fit_loop(inputs, target, epochs=epochs)


def keras(task: Task) -> Train:
    """Keras on torch."""
    os.environ["KERAS_BACKEND"] = "torch"
    from keras import Input, Model, Sequential
    from keras.layers import Dense, TorchModuleWrapper
    from keras.optimizers import Adam

    inputs, target = (column.numpy() for column in task.rows.tensors)
    if np.issubdtype(inputs.dtype, np.floating):
        model = Sequential([Input(inputs.shape[1:]), *(Dense(n, activation="relu") for n in task.hidden), Dense(1)])
    else:
        codes = Input(inputs.shape[1:], dtype=str(inputs.dtype))
        model = Model(codes, TorchModuleWrapper(task.network(), output_shape=(None, 1))(codes))
    model.compile(optimizer=Adam(LEARNING_RATE), loss="mse")
    return lambda epochs: model.fit(inputs, target, batch_size=task.batch, epochs=epochs, verbose=0)


def scikit_learn(task: Task) -> Train:
    """scikit-learn's MLPRegressor, in single precision."""
    from sklearn.neural_network import MLPRegressor

    inputs, target = (column.numpy() for column in task.rows.tensors)
    settings = {"hidden_layer_sizes": task.hidden, "batch_size": task.batch, "learning_rate_init": LEARNING_RATE}

    def train(epochs: int) -> None:
        MLPRegressor(**settings, alpha=0.0, max_iter=epochs, n_iter_no_change=epochs).fit(inputs, target.ravel())

    return train
