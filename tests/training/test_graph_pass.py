"""Which operations of a compiled graph become calls of our own kernels."""

from pipeline.model.reproducible import nn, torch
from pipeline.training.graph_pass import OwnKernels


def replaced(function, *examples):
    """What a graph of the function calls once its kernels are replaced, by name."""
    graph = torch.fx.experimental.proxy_tensor.make_fx(function, tracing_mode="fake")(*examples).graph
    OwnKernels()(graph)
    return [node.target.name() for node in graph.nodes if node.op == "call_function"]


def calls_the_library(function, *examples):
    return any("pipeline" in name for name in replaced(function, *examples))


def test_products_call_the_library():
    a, b, bias = torch.ones(4, 3), torch.ones(3, 2), torch.ones(2)
    assert replaced(lambda a, b: a @ b, a, b) == ["pipeline::product"]
    assert replaced(nn.functional.linear, a, b.t().contiguous(), bias)[-2:] == ["pipeline::product", "aten::add.Tensor"]


def test_lookups_in_a_table_and_their_sums_call_the_library():
    table, places = torch.ones(9, 2), torch.ones(4, 3, dtype=torch.int64)

    def gradient(places, values):  # torch's compiler turns zeros into such a full tensor
        return torch.full((9, 2), 0.0).index_put([places], values, accumulate=True)

    looked_up = ["aten::reshape", "pipeline::looked_up", "aten::reshape"]
    assert replaced(lambda table, places: table[places], table, places) == looked_up
    assert "pipeline::summed_up" in replaced(gradient, places, torch.ones(4, 3, 2))


def test_other_lookups_and_sums_stay_torchs():
    table, places = torch.ones(9, 2), torch.ones(4, 3, dtype=torch.int64)
    others = [
        (table.double(), places),  # of other numbers
        (table, places.int()),  # by other numbers
        (table.view(9, 2, 1), places),  # in a table of three dimensions
        (table, places[0]),  # of a single column
    ]
    for other in others:
        assert not calls_the_library(lambda table, places: table[places], *other)
    columns = torch.zeros_like(places)
    assert not calls_the_library(lambda table, columns: table[:, columns], table, columns)
    assert not calls_the_library(lambda *given: given[0][given[1], given[2]], table, places, columns)

    def onto(table, places, values):
        return table.index_put([places], values, accumulate=True)

    def without_a_sum(places, values):
        return torch.full((9, 2), 0.0).index_put([places], values)

    def one_for_all(places, value):
        return torch.full((9, 2), 0.0).index_put([places], value, accumulate=True)

    values = torch.ones(4, 3, 2)
    assert not calls_the_library(one_for_all, places, torch.ones(2))
    assert not calls_the_library(onto, table, places, values)
    assert not calls_the_library(without_a_sum, places, values)
