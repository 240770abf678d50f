"""Write a model for other runtimes: the network as ONNX, the encoder's JSON beside it."""

import argparse
import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from pipeline import params
from pipeline.data.schema import FEATURES, NOUN
from pipeline.model.bundle import Bundle
from pipeline.model.network import Regressor
from pipeline.model.reproducible import nn, torch
from pipeline.runtime.command import command

PACKAGES = ("onnx", "onnxscript")
OUTPUT = f"normalised_{NOUN}"


class ByColumn(nn.Module):
    """The network with one input for each column of codes, by name: nobody has to know their order.

    Shape: each (rows,) int16; returns (rows,) float32.
    """

    def __init__(self, network: Regressor) -> None:
        super().__init__()
        self.network = network

    def forward(self, *codes: torch.Tensor) -> torch.Tensor:
        """Predict in normalised units."""
        inputs = torch.stack(codes, dim=1).to(self.network.dtype)  # (rows, columns)
        output: torch.Tensor = self.network(inputs)  # (rows, 1)
        return output.squeeze(1)


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
        to_onnx(bundle.network).save(draft)
        encoder.write_text(bundle.encoder.to_json(), encoding="utf-8")
        encoder.replace(onnx.with_suffix(".encoder.json"))
        draft.replace(onnx)


def to_onnx(network: Regressor) -> torch.onnx.ONNXProgram:
    """The network as an ONNX program for any number of rows, without the traces that tell where the code lay."""
    rows = torch.export.Dim("rows")
    codes = tuple(torch.zeros(8, dtype=torch.int16) for _ in network.columns)  # an example, (8,) each
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not missed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch of its own calls
        exported = torch.onnx.export(
            ByColumn(network),
            codes,
            input_names=network.columns,
            output_names=[OUTPUT],
            dynamic_shapes=(tuple({0: rows} for _ in codes),),
            verbose=False,
        )
    program = cast(torch.onnx.ONNXProgram, exported)
    for node in program.model.graph:
        node.metadata_props.clear()
    return program


if __name__ == "__main__":
    main()
