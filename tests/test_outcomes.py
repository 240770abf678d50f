import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline import outcomes, params
from pipeline.encoding import Encoder
from pipeline.network import build
from pipeline.outcomes import read_outcomes
from pipeline.reproducible import torch
from tests.tables import rows, table


@pytest.mark.parametrize("recipe", ["course", "full"])
def test_they_are_the_rows_of_the_file_whatever_the_block(stage, recipe, monkeypatch):
    stage.run(table(rows(300)))
    encoder = Encoder.read(stage.out / "encoder.json")
    settings = params.load(params.Recipe, "recipes", recipe)
    network = build(settings, sizes=encoder.sizes(), generator=torch.Generator().manual_seed(1))
    found = read_outcomes(stage.out / "train.parquet", network, encoder.scaling)
    monkeypatch.setattr(outcomes, "ROWS_AT_ONCE", 7)
    again = read_outcomes(stage.out / "train.parquet", network, encoder.scaling)
    file = pq.read_table(stage.out / "train.parquet")
    codes = {name: file[name].to_numpy() for name in network.columns}
    expected = encoder.scaling.to_dollars(network.predict(network.inputs(codes)).numpy())
    for outcome in (found, again):
        assert outcome.prediction.tobytes() == expected.tobytes()
        assert outcome.actual.tolist() == file["salary_in_usd"].to_pylist()
        assert outcome.group.tolist() == file["experience_level"].to_pylist()
    assert np.ptp(found.prediction) > 0
