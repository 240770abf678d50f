"""The pipeline's own prepare and train stages, all of their files in one folder."""

from pathlib import Path

from pipeline import params, prepare, train, versions
from pipeline.model.bundle import Bundle


def prepare_in(folder: Path, table: Path, *, settings: params.Prepare) -> None:
    """The prepare stage on the raw table."""
    prepare.run(table, out=folder, metrics=folder / "rows.json", report=folder / "report.txt", settings=settings)


def train_in(folder: Path, recipe: params.Recipe) -> Bundle:
    """The train stage on the prepared rows in the folder; its bundle stands in `model`."""
    paths = train.Paths(
        train=folder / "train.parquet",
        valid=folder / "valid.parquet",
        encoder=folder / "encoder.json",
        out=folder / "model",
        curve=folder / "curve.csv",
        cache=folder / "cache",
    )
    packages = versions.check("numpy", "pyarrow", "safetensors", "torch")
    train.run(recipe, params.load(params.Train, "train"), paths, name="recipe", packages=packages)
    return Bundle.load(paths.out)
