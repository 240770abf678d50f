import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.model.network import build
from pipeline.model.reproducible import torch
from pipeline.training import predictions
from pipeline.training.predictions import read_outcomes, step_through
from tests.support.tables import rows, table


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_of_many_rows_every_few_are_taken_whatever_the_row_groups(stage, monkeypatch, size):
    stage.run(table(rows(300)))
    encoder, file = Encoder.read(stage.out / "encoder.json"), stage.out / "train.parquet"
    network = build(params.load(params.Recipe, "recipes", "course"), sizes=encoder.sizes(), generator=torch.Generator())
    every = read_outcomes(file, network, encoder.scaling)
    monkeypatch.setattr(predictions, "ENOUGH_ROWS", 70)
    pq.write_table(pq.read_table(file), file, row_group_size=size)
    step = step_through(file)
    few = read_outcomes(file, network, encoder.scaling)
    assert step == -(-len(every.actual) // 70) > 1
    assert few.actual.tolist() == every.actual[::step].tolist()
    assert few.prediction.tobytes() == every.prediction[::step].tobytes()


@pytest.mark.parametrize("recipe", ["course", "full"])
def test_they_are_the_rows_of_the_file_whatever_the_row_groups(stage, recipe):
    stage.run(table(rows(300)))
    encoder = Encoder.read(stage.out / "encoder.json")
    settings = params.load(params.Recipe, "recipes", recipe)
    network = build(settings, sizes=encoder.sizes(), generator=torch.Generator().manual_seed(1))
    found = read_outcomes(stage.out / "train.parquet", network, encoder.scaling)
    file = pq.read_table(stage.out / "train.parquet")
    pq.write_table(file, stage.out / "train.parquet", row_group_size=7)
    again = read_outcomes(stage.out / "train.parquet", network, encoder.scaling)
    codes = {name: file[name].to_numpy() for name in network.columns}
    expected = encoder.scaling.denormalise(network.predict(network.inputs(codes)).numpy())
    for outcome in (found, again):
        assert outcome.prediction.tobytes() == expected.tobytes()
        assert outcome.actual.tolist() == file["salary_in_usd"].to_pylist()
        assert outcome.group.tolist() == file["experience_level"].to_pylist()
    assert np.ptp(found.prediction) > 0
