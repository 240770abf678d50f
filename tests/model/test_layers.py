import pytest

from pipeline.model.layers import initialise, mask, relu_and_dropout, relu_layers
from pipeline.model.reproducible import nn, torch
from tests.support.recipes import seeded


def test_relu_layers_have_the_widths_and_one_output():
    kinds = [type(layer) for layer in relu_layers([4, 3, 2])]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert relu_layers([4, 3, 2])(torch.ones(5, 4)).shape == (5, 1)


def test_masks_have_the_type_that_they_are_to_multiply_and_no_gradient():
    values = torch.tensor([-1.0, 0.0, 0.5], requires_grad=True)
    kept = mask(torch.gt, values, 0)
    assert (kept.tolist(), kept.dtype, kept.requires_grad) == ([0.0, 0.0, 1.0], torch.float32, False)
    assert torch.equal(mask(torch.ge, values, 0, dtype=torch.int32), torch.tensor([0, 1, 1], dtype=torch.int32))


def test_dropout_drops_its_share_and_keeps_the_mean():
    values = relu_and_dropout(torch.ones(100_000), torch.rand(100_000, generator=seeded()), rate=0.25)
    assert values.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float((values == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(values.mean()) == pytest.approx(1.0, abs=0.01)


def test_dropout_at_rate_zero_changes_nothing():
    values = torch.rand(100, generator=seeded(1))
    assert torch.equal(relu_and_dropout(values, torch.rand(100, generator=seeded()), rate=0.0), values)


def test_linear_layers_start_within_torchs_default_bound():
    layer = nn.Linear(16, 200)
    initialise(layer, generator=seeded())
    assert float(layer.weight.detach().abs().max()) == pytest.approx(0.25, rel=0.01)
    assert float(layer.weight.detach().std()) == pytest.approx(0.25 / 3**0.5, rel=0.05)
    assert float(layer.bias.detach().abs().max()) <= 0.25
