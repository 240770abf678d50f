import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.schema import HASH, LARGEST, NORMALISED, SMALLEST
from pipeline.inference import predictions
from pipeline.inference.predictions import CachingBundle, distinct, predict, predict_distinct
from pipeline.model.bundle import Bundle
from pipeline.model.trained import TrainedNetwork
from tests.support.models import make_bundle, with_weights
from tests.support.splits import read_split
from tests.support.tables import batch, row, rows


def test_what_a_model_predicts_is_what_its_parts_say(modelled):
    bundle = Bundle.load(modelled.folder / "model")
    codes = bundle.encoder.encode(batch(rows(50)))
    found = predict(bundle, codes)
    assert found.predicted.tolist() == bundle.encoder.scaling.denormalise(bundle.predict_normalised(codes)).tolist()
    for percent, ends in found.intervals.items():
        for ours, theirs in zip(ends, bundle.interval(found.predicted, codes, percent=percent), strict=True):
            assert ours.tolist() == theirs.tolist()
    assert list(found.intervals) == [80, 95]


def test_rows_that_are_equal_in_all_features_are_predicted_once_and_as_each_by_itself(modelled):
    bundle = Bundle.load(modelled.folder / "model")
    table = batch([*rows(20), *rows(10)])
    found, combinations = predict_distinct(bundle, table)
    each = predict(bundle, bundle.encoder.encode(table))
    assert len(found.predicted) == len(set(combinations.tolist())) < 30
    assert found.predicted[combinations].tolist() == each.predicted.tolist()
    for percent, ends in found.intervals.items():
        for ours, theirs in zip(ends, each.intervals[percent], strict=True):
            assert ours[combinations].tolist() == theirs.tolist()


def test_no_rows_have_no_predictions(modelled):
    bundle = Bundle.load(modelled.folder / "model")
    found = predict(bundle, bundle.encoder.encode(batch([row()]).slice(1)))
    assert len(found.predicted) == len(found.intervals[80][0]) == 0


@pytest.mark.parametrize("recipe", ["course", "full"])
@given(st.data())
def test_every_answer_lies_within_its_intervals_and_the_contract_whatever_the_row(modelled, recipe, data):
    bundle = make_bundle(modelled.out, recipe=recipe)
    sizes = bundle.encoder.sizes()
    rows = data.draw(st.lists(st.tuples(*(st.integers(0, size - 1) for size in sizes.values())), min_size=1))
    codes = dict(zip(sizes, np.array(rows, np.int16).T, strict=True))  # 0 is a value that is unknown
    *_, bias = bundle.network.weights
    level = data.draw(st.sampled_from([-1000.0, -3.0, 0.0, 3.0, 1000.0]))
    shifted = with_weights(bundle, lambda name, weight: np.full_like(weight, level) if name == bias else weight)
    found = predict(shifted, codes)
    (low80, high80), (low95, high95) = found.intervals.values()
    ordered = [SMALLEST * np.ones(len(rows)), low95, low80, np.rint(found.predicted), high80, high95]
    assert (np.diff([*ordered, LARGEST * np.ones(len(rows))], axis=0) >= 0).all()
    assert (low80 < high80).all()


def columns_of(*columns):
    return pa.record_batch(
        {str(position): pa.array(column).dictionary_encode() for position, column in enumerate(columns)}
    )


@pytest.mark.parametrize("count", [0, 1, 500])
def test_distinct_rows_are_those_of_numpy(count):
    random = np.random.default_rng(count)
    columns = [random.integers(0, 3, count) for _ in range(4)]
    firsts, inverse = distinct(columns_of(*columns))
    table = np.stack(columns, axis=1)
    assert (table[firsts][inverse] == table).all()
    assert len(firsts) == len(np.unique(table, axis=0))
    assert (inverse[firsts] == np.arange(len(firsts))).all()
    assert (firsts <= np.array([np.flatnonzero(inverse == each)[0] for each in range(len(firsts))])).all()


def test_more_combinations_than_a_64_bit_number_can_tell_apart_are_told_apart():
    values = np.arange(3000) % 1500
    shifted = [np.roll(values, shift) for shift in range(8)]  # 1500 ** 8 is beyond 2 ** 63
    firsts, inverse = distinct(columns_of(*shifted))
    assert firsts.tolist() == list(range(1500))
    assert inverse.tolist() == values.tolist()


def test_the_numbers_of_combinations_do_not_overflow_either():
    values = np.append(np.arange(1 << 16), 0)
    first = np.append(values[:-1], 1)  # the last row differs from the first one in this column alone
    firsts, inverse = distinct(columns_of(first, *[values] * 4))
    assert len(firsts) == len(inverse) == len(values)


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


@pytest.mark.parametrize("capacity", [0, 50, predictions.CAPACITY])
def test_predictions_are_those_of_the_bundle_to_the_last_bit(model, codes, capacity, monkeypatch):
    monkeypatch.setattr(predictions, "CAPACITY", capacity)
    bundle, caching = Bundle.load(model), CachingBundle.load(model)
    for start, stop in ((0, 100), (50, 150), (0, 100), (7, 7), (0, 300)):
        block = part(codes, start, stop)
        found = caching.predict_normalised(block)
        assert found.dtype == np.float32
        assert found.tobytes() == bundle.predict_normalised(block).tobytes()


def test_a_row_passes_the_network_once(model, codes, monkeypatch):
    computed, predict = [], TrainedNetwork.predict_normalised

    def counted(network, codes):
        computed.append(len(codes[network.columns[0]]))
        return predict(network, codes)

    monkeypatch.setattr(TrainedNetwork, "predict_normalised", counted)
    caching = CachingBundle.load(model)
    for start, stop in ((0, 100), (50, 150), (20, 120)):
        caching.predict_normalised(part(codes, start, stop))
    rows = np.stack([codes[name][:150] for name in caching.network.columns], axis=1)
    assert sum(computed) == len(np.unique(rows, axis=0)) < 150
    assert len(computed) == 2


def test_memory_is_bounded(model, codes, monkeypatch):
    monkeypatch.setattr(predictions, "CAPACITY", 20)
    caching = CachingBundle.load(model)
    for start in range(0, 200, 10):
        caching.predict_normalised(part(codes, start, start + 10))
        assert len(caching.cache) <= 20 + 10
