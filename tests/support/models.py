"""Models for the tests: untrained networks with all that a bundle holds, so that no test has to train."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.schema import GROUP
from pipeline.model.bundle import BACKGROUND_ROWS, Bundle
from pipeline.model.intervals import calibrate
from pipeline.model.network import build
from pipeline.model.reproducible import ANY_CPU, torch
from pipeline.model.trained import trained
from pipeline.training.sampled_rows import predict_rows, read_sample, representative_rows

PROVENANCE = {"kept_epoch": 1, "reproducibility": ANY_CPU, "packages": {}, "data": {}}


def with_weights(bundle: Bundle, change: Callable[[str, np.ndarray], np.ndarray]) -> Bundle:
    """The bundle with other weights: those that the change makes of each one's name and value."""
    weights = {name: change(name, weight) for name, weight in bundle.network.weights.items()}
    return replace(bundle, network=trained(bundle.recipe, bundle.encoder, weights))


def overflowing(bundle: Bundle) -> Bundle:
    """The bundle with weights so large that no prediction is finite."""
    return with_weights(bundle, lambda _, weight: np.full_like(weight, 1e38))


def make_bundle(prepared: Path, *, recipe: str = "full") -> Bundle:
    """A bundle as train writes it, but for the training."""
    encoder = Encoder.read(prepared / "encoder.json")
    settings = params.load(params.Recipe, "recipes", recipe)
    fresh = build(settings, encoder, generator=torch.Generator().manual_seed(1))
    network = trained(settings, encoder, fresh.weights())
    samples = [read_sample(prepared / f"{split}.parquet", network) for split in ("train", "valid")]
    train, valid = (predict_rows(rows, network, encoder.scaling) for rows in samples)
    intervals = calibrate(train=train, valid=valid, groups=encoder.sizes()[GROUP])
    chosen = representative_rows(train.prediction, count=BACKGROUND_ROWS)
    background = {name: samples[0][name][chosen] for name in network.columns}
    return Bundle(network, encoder, settings, intervals, background, PROVENANCE)
