"""Linear layers spelled so that the compiler can fuse them with their neighbours."""

import copy

from pipeline.model.reproducible import nn, torch

FUSED_PRODUCTS = 1 << 17  # up to here a linear layer costs less inside its neighbours' loop than as a call


class FusibleLinear(nn.Module):
    """A linear layer with the weights of another; for small batches a product and a sum, which can be fused."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """What nn.Linear computes, up to rounding. Shape: (rows, in_features) to (rows, out_features)."""
        if inputs.shape[0] * self.weight.numel() > FUSED_PRODUCTS:
            return nn.functional.linear(inputs, self.weight, self.bias)
        products = inputs.unsqueeze(-2) * self.weight  # (rows, 1, in_features) · (out_features, in_features)
        return products.sum(-1) + self.bias  # (rows, out_features)


def fusible(network: nn.Module) -> nn.Module:
    """A copy of the network with FusibleLinear in place of its linear layers, under the same names."""
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, FusibleLinear(child))
    return network
