from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.accuracy import boosters, tuned_baselines
from pipeline.backtest.forward import CutOff
from pipeline.data.schema import TARGET
from tests.support.tables import batch, row, rows


def test_trees_see_years_as_numbers_categories_as_such_and_words_by_name():
    encoder, new = tuned_baselines.fit_encoder(batch(rows(10)), min_count=1), batch([row(work_year=2031)])
    frame = boosters.features(new, encoder, words=True, year=True)
    assert set(frame) - set(boosters.features(new, encoder, words=True, year=False)) == {"work_year"}
    assert frame["work_year"].tolist() == [2031]
    assert set(frame.columns[frame.dtypes == "category"]) == set(boosters.NOMINALS)
    assert frame.filter(like="word_").sum(axis=1).tolist() == [2]  # data, scientist


def test_boosting_is_given_the_settings_it_knows_and_speaks_dollars():
    seen = {}

    class Model:
        def predict(self, frame):
            return np.zeros(len(frame))

    def grow(train, valid, row_weights, settings):
        seen.update(settings)
        return Model()

    train = batch(rows(10))
    settings = {"depth": 3, "words": False, "year": True, "min_count": 1, "equal_rows": 0.5}
    predict = boosters.fit(CutOff(Path(), train, train, train), settings, grow=grow)
    assert seen == {"depth": 3}
    assert predict(pa.RecordBatch.from_arrays(train.columns, schema=train.schema)) == pytest.approx(
        train[TARGET].to_numpy().mean()
    )
