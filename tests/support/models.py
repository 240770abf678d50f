"""Models for the tests: untrained networks with all that a bundle holds, so that no test has to train."""

from pathlib import Path

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.schema import GROUP
from pipeline.model.bundle import BACKGROUND_ROWS, Bundle
from pipeline.model.intervals import calibrate
from pipeline.model.network import build
from pipeline.model.reproducible import ANY_CPU, torch
from pipeline.training.sampled_rows import predict_rows, read_sample, representative_rows

PROVENANCE = {"kept_epoch": 1, "reproducibility": ANY_CPU, "packages": {}, "data": {}}


def make_bundle(prepared: Path, *, recipe: str = "full") -> Bundle:
    """A bundle as train writes it, but for the training."""
    encoder = Encoder.read(prepared / "encoder.json")
    settings = params.load(params.Recipe, "recipes", recipe)
    network = build(settings, encoder, generator=torch.Generator().manual_seed(1)).eval()
    samples = [read_sample(prepared / f"{split}.parquet", network) for split in ("train", "valid")]
    train, valid = (predict_rows(rows, network, encoder.scaling) for rows in samples)
    intervals = calibrate(train=train, valid=valid, groups=encoder.sizes()[GROUP])
    chosen = representative_rows(train.prediction, count=BACKGROUND_ROWS)
    background = {name: samples[0][name][chosen] for name in network.columns}
    return Bundle(network, encoder, settings, intervals, background, PROVENANCE)
