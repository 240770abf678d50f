from dataclasses import dataclass

import pytest

from benchmarks.speed.plain_torch import Indexed, indexed, textbook, whole_batches
from benchmarks.speed.tasks import Task
from pipeline.model.reproducible import nn, torch
from tests.benchmarks.speed.conftest import BATCH, ROWS


@dataclass(frozen=True)
class TaskOf(Task):
    """A task whose network a test can look at."""

    shown: nn.Module

    def network(self):
        return self.shown


@pytest.mark.parametrize("make", [textbook, whole_batches, indexed])
def test_a_loop_trains_the_network_on_its_task(make, task):
    torch.manual_seed(1)
    network = task.network()
    inputs, target = task.rows.tensors
    before = nn.functional.mse_loss(network(inputs), target).item()
    make(TaskOf(task.recipe, task.batch, task.rows, network))(5)
    assert nn.functional.mse_loss(network(inputs), target).item() < before / 2


def test_batches_by_indexing_are_shuffled_and_hold_every_row_once(task):
    epochs = [list(Indexed(task.rows, BATCH)) for _ in range(2)]
    first, second = (torch.cat([inputs for inputs, _ in batches]) for batches in epochs)
    assert [len(inputs) for inputs, _ in epochs[0]] == [BATCH] * (ROWS // BATCH)
    assert torch.equal(first.sort(0).values, second.sort(0).values)
    assert torch.equal(first.sort(0).values, task.rows.tensors[0].sort(0).values)
    assert not torch.equal(first, second)
