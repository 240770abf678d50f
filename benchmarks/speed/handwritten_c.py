"""The course's network without any library for it: gradients derived by hand, in C."""

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.speed.tasks import LEARNING_RATE, Task, Train

FAST = ("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno", "-ffinite-math-only")
"""The parts of -ffast-math that stay in this code: as a whole it would flush the process's small numbers to zero."""
FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", *FAST, "-shared", "-fPIC")


class Net:
    """A plain network as arrays: all weights in one vector, layer by layer, and what Adam keeps of them.

    Shape: a layer is (1 + inputs, outputs), its biases the last row; widths are the columns' number, then each layer's.
    """

    def __init__(self, task: Task) -> None:
        self.inputs, target = (column.numpy() for column in task.rows.tensors)
        self.target = target.ravel()
        self.widths = (self.inputs.shape[1], *task.hidden, 1)
        draw = np.random.default_rng(1).uniform
        layers = [draw(-(n**-0.5), n**-0.5, (1 + n) * outputs) for n, outputs in pairwise(self.widths)]
        self.weights = np.concatenate(layers).astype(np.float32)
        self.mean, self.square = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.powers = np.ones(2)  # of Adam's betas

    def shuffled(self, train: Callable[[np.ndarray], object]) -> Train:
        """Epochs of training on the rows in an order, a new one each time."""
        draw = np.random.default_rng(1)

        def epochs(count: int) -> None:
            for _ in range(count):
                train(draw.permutation(len(self.inputs)))

        return epochs


def c(task: Task) -> Train:
    """handwritten_c.c, compiled for this network, batch size and CPU."""
    net = Net(task)
    return net.shuffled(c_steps(net, batch=task.batch))


def c_steps(net: Net, *, batch: int) -> Callable[[np.ndarray], None]:
    """Steps on rows in the order given.

    Raises: FileNotFoundError if there is no C compiler.
    """
    sizes = dict(zip(("INPUTS", "HIDDEN1", "HIDDEN2"), net.widths, strict=False)) | {"BATCH": batch}
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "handwritten.so"
        constants = [f"-D{name}={size}" for name, size in sizes.items()]
        source = Path(__file__).with_suffix(".c")
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *constants, source, "-o", library, "-lm"], check=True)
        train = ctypes.CDLL(str(library)).train

    def steps(order: np.ndarray) -> None:
        arrays = (order, net.inputs, net.target, net.weights, net.mean, net.square, net.powers)
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in arrays)
        train(ctypes.c_int64(len(order) // batch), *pointers, ctypes.c_float(LEARNING_RATE))

    return steps
