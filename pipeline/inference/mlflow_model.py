"""A bundle as a model of MLflow, which loads it through this module: the bundle's own files, and no pickle."""

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

from pipeline.data.schema import FEATURES, NUMBERS
from pipeline.inference.answers import ANSWERS
from pipeline.inference.model import Model
from pipeline.model.bundle import Bundle
from pipeline.runtime.arguments import PROGRAM

PACKAGE = Path(__file__).parents[1]
LOCK = PACKAGE.parent / "requirements-predict.lock"


class PyFunc:
    """The model with the types that MLflow's servers can write as JSON: a missing answer is NaN or None."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, rows: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The answers of `Model.predict`. There are no params."""
        answers = self.model.predict(rows)
        whole = {name: float for name in answers if answers[name].dtype == pd.Int64Dtype()}
        texts = answers.columns.difference(list(whole))
        return answers.astype(whole).assign(**answers[texts].astype(object).where(answers[texts].notna(), None))


def save(model: Path, out: Path) -> None:
    """Write the bundle in the folder `model` to the new folder `out`, with this package and what predictions need.

    Raises: ValueError if the bundle is damaged.
    """
    example = _example(Bundle.load(model))
    mlflow.pyfunc.save_model(
        path=out,
        loader_module=__name__,
        data_path=str(model),
        code_paths=[str(PACKAGE)],
        pip_requirements=_locked(),
        signature=_signature(),
        input_example=example,
    )


def _load_pyfunc(folder: str) -> PyFunc:
    """What MLflow calls: the model in the folder with the bundle's files."""
    return PyFunc(Model.load(folder))


def _signature() -> ModelSignature:
    """Numbers may be of any type: of a whole number, MLflow would take neither 2023.0 nor NaN where one is missing."""
    inputs = [ColSpec(AnyType() if name in NUMBERS else DataType.string, name) for name in FEATURES]
    outputs = [
        ColSpec(DataType.double if kind == "int64" else DataType.string, name, required=False)
        for name, kind in zip(ANSWERS.names, map(str, ANSWERS.types), strict=True)
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _example(bundle: Bundle) -> pd.DataFrame:
    """A row of values that the model knows."""
    values = {name: values[len(values) // 2] for name, values in bundle.encoder.vocabularies.items() if values}
    return pd.DataFrame([values], columns=list(FEATURES)).astype(dict.fromkeys(NUMBERS & set(FEATURES), float))


def _locked() -> list[str]:
    """The packages that predictions need, in the versions of the lock; the installed ones where no lock is."""
    if not LOCK.exists():  # an installed program has none beside it
        needs = [need for need in importlib.metadata.requires(PROGRAM) or () if "extra ==" not in need]
        names = [re.split(r"[^\w.-]", need)[0] for need in needs]  # numpy<3,>=2.2
        return [f"{name}=={importlib.metadata.version(name)}" for name in names]
    return re.findall(r"^[a-z]\S+==\S+", LOCK.read_text(encoding="utf-8"), re.MULTILINE)  # numpy==2.4.6
