"""A bundle's network, its target's scaling and its intervals as an ONNX graph: codes in, the target's unit out.

They are the operations of `Scaling.denormalise` and `Intervals.ends`, written for torch, which translates them.
"""

import logging
import warnings
from typing import cast

import onnx

from pipeline.data.schema import GROUP, LARGEST, SMALLEST, STEP
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import MIN_HALF_WIDTH, PERCENTS
from pipeline.model.network import build
from pipeline.model.reproducible import nn, torch

OPSET = 20  # RegexFullMatch is new in it


class ByColumn(nn.Module):
    """The network with one input for each column of codes, by name: nobody has to know their order.

    Shape: each (rows,) int16; returns the prediction and both ends of each interval, each (rows,) float64 in UNIT.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        scaling, intervals = bundle.encoder.scaling, bundle.intervals
        self.network = build(bundle.recipe, bundle.encoder, generator=torch.Generator()).eval()
        self.network.load_state_dict({name: torch.tensor(weight) for name, weight in bundle.network.weights.items()})
        self.kind, self.quantiles = scaling.kind, intervals.quantiles
        self.scale, self.center = torch.tensor([scaling.scale, scaling.center], dtype=torch.float64)
        self.offset, self.shares = intervals.offset, torch.tensor(intervals.shares, dtype=torch.float64)  # (groups,)
        self.group = input_columns(bundle).index(GROUP)

    def forward(self, *codes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Predict, with intervals around the predictions."""
        inputs = torch.stack(codes[: len(self.network.columns)], dim=1).to(self.network.dtype)  # (rows, columns)
        value = self.network(inputs).squeeze(1).double() * self.scale + self.center
        value = value.exp() - 1 if self.kind == "log1p" else value  # ONNX knows no expm1
        predicted = value.clamp(SMALLEST, LARGEST)  # (rows,)
        usual_error = (predicted + self.offset).clamp(min=STEP) * self.shares[codes[self.group].long()]  # (rows,)
        reaches = [(usual_error * end).clamp(min=MIN_HALF_WIDTH) for pair in self.quantiles.values() for end in pair]
        signs = [-1, 1] * len(PERCENTS)
        ends = [predicted + sign * reach for sign, reach in zip(signs, reaches, strict=True)]
        return predicted, *(end.clamp(SMALLEST, LARGEST) for end in ends)


def input_columns(bundle: Bundle) -> list[str]:
    """The columns of codes that predictions need: those of the network, and GROUP for the intervals."""
    return list(dict.fromkeys((*bundle.network.columns, GROUP)))


def network_graph(bundle: Bundle, *, inputs: list[str], outputs: list[str]) -> onnx.GraphProto:
    """The graph, for any number of rows, without traces of where the code lay; the inputs are the columns."""
    rows = torch.export.Dim("rows")
    codes = tuple(torch.zeros(8, dtype=torch.int16) for _ in inputs)  # an example, (8,) each
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not missed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch of its own calls
        exported = torch.onnx.export(
            ByColumn(bundle),
            codes,
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            dynamic_shapes=(tuple({0: rows} for _ in codes),),
            verbose=False,
        )
    program = cast(torch.onnx.ONNXProgram, exported)
    for node in program.model.graph:
        node.metadata_props.clear()
    return program.model_proto.graph
