"""Write a model for other runtimes: as one ONNX file from raw rows to intervals, or as a model of MLflow."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipeline import params
from pipeline.data.schema import FEATURES
from pipeline.model.bundle import Bundle
from pipeline.runtime.arguments import command_parser
from pipeline.runtime.command import command
from pipeline.runtime.drafts import require_folder_of
from pipeline.runtime.packages import require


def arguments() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    examples = ["--model models/full --onnx model.onnx", "--model models/full --mlflow mlflow-model"]
    parser = command_parser("export", __doc__, examples=examples)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model bundle")
    parser.add_argument("--onnx", type=Path, metavar="FILE", help=".onnx file to write")
    parser.add_argument("--mlflow", type=Path, metavar="DIR", help="new folder to write")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, write the files."""
    parser = arguments()
    given = parser.parse_args(argv)
    if not (given.onnx or given.mlflow):
        parser.error("nothing to write: name --onnx FILE, --mlflow DIR, or both")
    with command("export"):
        params.check(FEATURES)
        if given.onnx:
            to_onnx(given.model, given.onnx)
        if given.mlflow:
            to_mlflow(given.model, given.mlflow)


def to_onnx(model: Path, out: Path) -> None:
    """Write the bundle as one ONNX file.

    Raises: ValueError if the name is no .onnx file's, its folder or a package is missing, or the bundle is damaged.
    """
    if out.suffix != ".onnx" or out.is_dir():
        found = "a folder" if out.is_dir() else f"the ending {out.suffix!r}"
        raise ValueError(f"{out}: the output must be an .onnx file, found {found}; name one such as model.onnx")
    require_folder_of(out)
    require("--onnx", "onnx", "onnxscript", "torch", install="onnx onnxscript torch")
    from pipeline.inference.onnx_model import onnx_model

    exported = onnx_model(Bundle.load(model))
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as folder:
        draft = Path(folder) / out.name
        draft.write_bytes(exported.SerializeToString(deterministic=True))
        draft.replace(out)


def to_mlflow(model: Path, out: Path) -> None:
    """Write the bundle as a model of MLflow, in a new folder.

    Raises: ValueError if the folder is there, MLflow is not installed, or the bundle is damaged.
    """
    if out.exists() or out.is_symlink():
        found = "a folder" if out.is_dir() else "a file"
        raise ValueError(f"{out}: the output must be a new folder, found {found}; name another, or remove it")
    require_folder_of(out)
    require("--mlflow", "mlflow", install="mlflow-skinny")
    from pipeline.inference.mlflow_model import save

    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as folder:
        draft = Path(folder) / out.name
        save(model, draft)
        draft.replace(out)


if __name__ == "__main__":
    main()
