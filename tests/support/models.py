"""Models for the tests: untrained networks with all that a bundle holds, so that no test has to train."""

from pathlib import Path

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.schema import GROUP
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import calibrate
from pipeline.model.network import build
from pipeline.model.reproducible import torch
from pipeline.training.predictions import predict_file, read_background


def make_bundle(prepared: Path, *, recipe: str = "full") -> Bundle:
    """A bundle as train writes it, but for the training."""
    encoder = Encoder.read(prepared / "encoder.json")
    settings = params.load(params.Recipe, "recipes", recipe)
    network = build(settings, encoder, generator=torch.Generator().manual_seed(1)).eval()
    paths = (prepared / "train.parquet", prepared / "valid.parquet")
    train, valid = (predict_file(path, network, encoder.scaling) for path in paths)
    intervals = calibrate(train=train, valid=valid, groups=encoder.sizes()[GROUP])
    background = read_background(paths[0], network.columns, train.prediction)
    return Bundle(network, encoder, settings, intervals, background, {})
