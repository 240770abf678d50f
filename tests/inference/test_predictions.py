import numpy as np
import pyarrow as pa
import pytest

from pipeline.inference.predictions import distinct, predict
from pipeline.model.bundle import Bundle
from tests.support.tables import batch, row, rows


def test_what_a_model_predicts_is_what_its_parts_say(modelled):
    bundle = Bundle.load(modelled.folder / "model")
    codes = bundle.encoder.encode(batch(rows(50)))
    found = predict(bundle, codes)
    assert found.normalised.tolist() == bundle.predict(codes).tolist()
    assert found.predicted.tolist() == bundle.encoder.scaling.denormalise(found.normalised).tolist()
    for percent, ends in found.intervals.items():
        for ours, theirs in zip(ends, bundle.interval(found.predicted, codes, percent=percent), strict=True):
            assert ours.tolist() == theirs.tolist()
    assert list(found.intervals) == [80, 95]


def test_no_rows_have_no_predictions(modelled):
    bundle = Bundle.load(modelled.folder / "model")
    found = predict(bundle, bundle.encoder.encode(batch([row()]).slice(1)))
    assert len(found.predicted) == len(found.normalised) == len(found.intervals[80][0]) == 0


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
