"""Fusible layers: what torch's linear layers compute, in a form that the compiler can fuse."""

from pipeline.model.reproducible import nn, torch
from pipeline.training import fusible as module
from pipeline.training.fusible import FusibleLinear, fusible
from tests.support.recipes import EMBEDDING, make_network, make_recipe, make_rows, seeded


def test_a_network_is_not_changed_by_its_fusible_copy():
    network = make_network(make_recipe(**EMBEDDING)).eval()
    kinds = [type(module) for module in network.modules()]
    before = nn.utils.parameters_to_vector(network.parameters()).clone()
    copy = fusible(network)
    nn.utils.vector_to_parameters(torch.zeros_like(before), copy.parameters())
    assert [type(module) for module in network.modules()] == kinds
    assert torch.equal(nn.utils.parameters_to_vector(network.parameters()), before)


def test_a_fusible_copy_computes_the_same_up_to_rounding_under_the_same_names():
    network = make_network(make_recipe(**EMBEDDING)).eval()
    copy = fusible(network)
    (inputs, _) = make_rows(network, rows=20).tensors
    assert sum(isinstance(module, FusibleLinear) for module in copy.modules()) == 3
    assert [name for name, _ in copy.named_parameters()] == [name for name, _ in network.named_parameters()]
    torch.testing.assert_close(copy(inputs), network(inputs))


def test_a_large_layer_is_left_to_the_library(monkeypatch):
    monkeypatch.setattr(module, "FUSED_PRODUCTS", 4 * 3 * 5 - 1)
    layer, inputs = FusibleLinear(nn.Linear(5, 3)), torch.rand(4, 5, generator=seeded())
    monkeypatch.setattr(nn.functional, "linear", lambda inputs, weight, bias: "the library's")
    assert layer(inputs) == "the library's"
    assert layer(inputs[:3]).shape == (3, 3)


def test_a_fusible_copy_draws_no_random_number():
    network, state = make_network(make_recipe(**EMBEDDING)), torch.get_rng_state()
    fusible(network)
    assert torch.equal(torch.get_rng_state(), state)
