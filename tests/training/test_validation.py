"""Each different row of codes is predicted once; the oracle is the network's own forward, of each row."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.data.encoding import Encoder
from pipeline.model.network import build
from pipeline.model.reproducible import nn, torch
from pipeline.training.loader import read_rows
from pipeline.training.row_range import RowRange
from pipeline.training.validation import ValidationBlock, validation_loss, validation_rows
from tests.support.recipes import EMBEDDING, in_one_block, make_network, make_recipe, make_rows, seeded
from tests.support.tables import rows, table


@pytest.fixture(params=[{}, EMBEDDING], ids=["course", "embedding"])
def network(stage, request):
    """A network for the rows that the stage has prepared, many of which are equal."""
    stage.run(table([*rows(200), *rows(40)] * 2))
    return build(make_recipe(**request.param), Encoder.read(stage.out / "encoder.json"), generator=seeded(1))


@pytest.fixture
def valid(stage):
    return stage.out / "valid.parquet"


def in_groups(valid, size):
    pq.write_table(pq.read_table(valid), valid, row_group_size=size)
    return valid


@pytest.mark.parametrize("size", [1000, 7])
def test_the_rows_are_those_of_the_split_however_many_times_they_are_read(network, valid, size):
    inputs, target = read_rows(valid, network).tensors
    blocks = validation_rows(in_groups(valid, size), network)
    for _ in range(2):
        assert torch.equal(torch.cat([block.inputs[block.inverse] for block in blocks]), inputs)
        assert torch.equal(torch.cat([block.target for block in blocks]), target.squeeze(1))
    assert max(len(block.target) for block in blocks) <= size


def test_no_row_of_codes_is_predicted_twice(network, valid):
    (block,) = validation_rows(valid, network)
    assert len(block.inputs) == len(np.unique(block.inputs, axis=0)) < len(block.target)


@pytest.mark.parametrize(("size", "expected"), [(1000, [0]), (100, [0, 1, 0, 1])])
def test_one_row_group_is_read_once_and_several_in_each_pass(network, valid, size, expected, monkeypatch):
    groups, read = [], RowRange.read

    def noted(rows, group, names):
        groups.append(group)
        return read(rows, group, names)

    monkeypatch.setattr(RowRange, "read", noted)
    blocks = validation_rows(in_groups(valid, size), network)
    for _ in range(2):
        assert validation_loss(network, blocks) > 0
    assert groups == expected


def test_the_loss_of_a_split_is_that_of_its_rows_to_the_last_bit(network, valid):
    assert validation_loss(network, validation_rows(valid, network)) == validation_loss(
        network, in_one_block(read_rows(valid, network))
    )


def test_the_loss_is_the_mean_squared_error_over_the_whole_split():
    network = make_network(make_recipe())
    inputs, target = make_rows(network, rows=42).tensors
    with torch.no_grad():
        expected = nn.functional.mse_loss(network.double()(inputs.double()), target.double())
    number = torch.arange(30)
    halves = [
        ValidationBlock(inputs[:30], number, target[:30, 0]),
        ValidationBlock(inputs[30:], number[:12], target[30:, 0]),
    ]
    assert validation_loss(network.float(), halves) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("count", [1, 7, 1000, 70_001])
def test_the_loss_of_one_block_is_its_mean_to_the_last_bit(count):
    network = make_network(make_recipe())
    split = make_rows(network, rows=count)
    inputs, target = split.tensors
    errors = network.predict_normalised(inputs).double() - target.squeeze(1).double()
    assert validation_loss(network, in_one_block(split)) == float((errors * errors).mean())
