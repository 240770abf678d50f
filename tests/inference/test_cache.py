import numpy as np
import pytest

from pipeline.data.schema import HASH, NORMALISED
from pipeline.evaluate import read_split
from pipeline.inference import cache
from pipeline.inference.cache import CachingBundle
from pipeline.model.bundle import Bundle
from pipeline.model.network import Regressor
from tests.support.models import make_bundle


@pytest.fixture(params=["course", "full"])
def model(modelled, request, tmp_path):
    make_bundle(modelled.out, recipe=request.param).save(tmp_path)
    return tmp_path


@pytest.fixture
def codes(modelled):
    split = read_split(modelled.out / "train.parquet")
    return {name: column for name, column in split.items() if name not in (HASH, NORMALISED)}


def part(codes, start, stop):
    return {name: column[start:stop] for name, column in codes.items()}


@pytest.mark.parametrize("capacity", [0, 50, cache.CAPACITY])
def test_predictions_are_those_of_the_bundle_to_the_last_bit(model, codes, capacity, monkeypatch):
    monkeypatch.setattr(cache, "CAPACITY", capacity)
    bundle, caching = Bundle.load(model), CachingBundle.load(model)
    for start, stop in ((0, 100), (50, 150), (0, 100), (7, 7), (0, 300)):
        block = part(codes, start, stop)
        found = caching.predict(block)
        assert found.dtype == np.float32
        assert found.tobytes() == bundle.predict(block).tobytes()


def test_a_row_passes_the_network_once(model, codes, monkeypatch):
    computed, predict = [], Regressor.predict

    def counted(network, rows):
        computed.append(len(rows))
        return predict(network, rows)

    monkeypatch.setattr(Regressor, "predict", counted)
    caching = CachingBundle.load(model)
    for start, stop in ((0, 100), (50, 150), (20, 120)):
        caching.predict(part(codes, start, stop))
    rows = np.stack([codes[name][:150] for name in caching.network.columns], axis=1)
    assert sum(computed) == len(np.unique(rows, axis=0)) < 150
    assert len(computed) == 2


def test_memory_is_bounded(model, codes, monkeypatch):
    monkeypatch.setattr(cache, "CAPACITY", 20)
    caching = CachingBundle.load(model)
    for start in range(0, 200, 10):
        caching.predict(part(codes, start, start + 10))
        assert len(caching.cache) <= 20 + 10
