"""Write a model for other runtimes: the network and its target's scaling as ONNX, the encoder's JSON beside it."""

import argparse
import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from pipeline import params
from pipeline.data.encoding import Scaling
from pipeline.data.schema import FEATURES, LARGEST, NOUN, SMALLEST, in_unit
from pipeline.model.bundle import Bundle
from pipeline.model.network import Regressor
from pipeline.model.reproducible import nn, torch
from pipeline.runtime.command import command

PACKAGES = ("onnx", "onnxscript")
OUTPUTS = (f"normalised_{NOUN}", in_unit(f"predicted_{NOUN}"))


class ByColumn(nn.Module):
    """The network with one input for each column of codes, by name: nobody has to know their order.

    Shape: each (rows,) int16; returns two (rows,): float32 in normalised units, and float64 in the target's.
    """

    def __init__(self, network: Regressor, scaling: Scaling) -> None:
        super().__init__()
        self.network, self.kind = network, scaling.kind
        self.scale, self.center = torch.tensor([scaling.scale, scaling.center], dtype=torch.float64)

    def forward(self, *codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict in both units."""
        inputs = torch.stack(codes, dim=1).to(self.network.dtype)  # (rows, columns)
        normalised = self.network(inputs).squeeze(1)
        value = normalised.double() * self.scale + self.center  # as Scaling.denormalise does
        value = value.exp() - 1 if self.kind == "log1p" else value  # ONNX knows no expm1
        return normalised, value.clamp(SMALLEST, LARGEST)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--onnx", type=Path, required=True, help=".onnx file to write; beside it, .encoder.json")
    arguments = parser.parse_args(argv)
    with command("export"):
        params.check(FEATURES)
        run(model=arguments.model, onnx=arguments.onnx)


def run(*, model: Path, onnx: Path) -> None:
    """Write the network to `onnx`, and the encoder beside it.

    Raises: ValueError if the name is no .onnx file's, its folder or a package is missing, or the bundle is damaged.
    """
    if onnx.suffix != ".onnx" or not onnx.parent.is_dir():
        raise ValueError(f"{onnx}: the output must be an .onnx file in a folder that exists")
    if missing := [name for name in PACKAGES if not importlib.util.find_spec(name)]:
        found = " and ".join(f"no {name}" for name in missing)
        raise ValueError(f"--onnx needs onnx and onnxscript, found {found}; python -m pip install {' '.join(missing)}")
    bundle = Bundle.load(model)
    with tempfile.TemporaryDirectory(dir=onnx.parent, prefix=".export-") as folder:
        draft, encoder = Path(folder) / onnx.name, Path(folder) / "encoder.json"
        to_onnx(bundle).save(draft)
        encoder.write_text(bundle.encoder.to_json(), encoding="utf-8")
        encoder.replace(onnx.with_suffix(".encoder.json"))
        draft.replace(onnx)


def to_onnx(bundle: Bundle) -> torch.onnx.ONNXProgram:
    """The bundle's network as an ONNX program for any number of rows, without traces of where the code lay."""
    rows = torch.export.Dim("rows")
    codes = tuple(torch.zeros(8, dtype=torch.int16) for _ in bundle.network.columns)  # an example, (8,) each
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not missed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch of its own calls
        exported = torch.onnx.export(
            ByColumn(bundle.network, bundle.encoder.scaling),
            codes,
            input_names=bundle.network.columns,
            output_names=OUTPUTS,
            dynamic_shapes=(tuple({0: rows} for _ in codes),),
            verbose=False,
        )
    program = cast(torch.onnx.ONNXProgram, exported)
    for node in program.model.graph:
        node.metadata_props.clear()
    return program


if __name__ == "__main__":
    main()
