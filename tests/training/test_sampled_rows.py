import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.model.network import build
from pipeline.model.reproducible import torch
from pipeline.model.trained import trained
from pipeline.training import sampled_rows
from pipeline.training.sampled_rows import distinct_rows, predict_rows, read_sample, representative_rows
from tests.support.recipes import ENCODER, make_network, make_recipe
from tests.support.tables import rows, table


def fresh(recipe, encoder):
    settings = params.load(params.Recipe, "recipes", recipe)
    network = build(settings, encoder, generator=torch.Generator().manual_seed(1))
    return trained(settings, encoder, network.weights())


def predict_file(path, network, scaling):
    return predict_rows(read_sample(path, network), network, scaling)


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_of_many_rows_every_few_are_taken_whatever_the_row_groups(stage, monkeypatch, size):
    stage.run(table(rows(300)))
    encoder, file = Encoder.read(stage.out / "encoder.json"), stage.out / "train.parquet"
    network = fresh("course", encoder)
    every = predict_file(file, network, encoder.scaling)
    monkeypatch.setattr(sampled_rows, "MAX_ROWS", 70)
    pq.write_table(pq.read_table(file), file, row_group_size=size)
    few = predict_file(file, network, encoder.scaling)
    step = -(-len(every.actual) // 70)
    assert step > 1
    assert few.actual.tolist() == every.actual[::step].tolist()
    assert few.prediction.tobytes() == every.prediction[::step].tobytes()


@pytest.mark.parametrize("recipe", ["course", "full"])
def test_they_are_the_rows_of_the_file_whatever_the_row_groups(stage, recipe):
    stage.run(table(rows(300)))
    encoder = Encoder.read(stage.out / "encoder.json")
    network = fresh(recipe, encoder)
    found = predict_file(stage.out / "train.parquet", network, encoder.scaling)
    file = pq.read_table(stage.out / "train.parquet")
    pq.write_table(file, stage.out / "train.parquet", row_group_size=7)
    again = predict_file(stage.out / "train.parquet", network, encoder.scaling)
    codes = {name: file[name].to_numpy() for name in network.columns}
    expected = encoder.scaling.denormalise(network.predict_normalised(codes))
    for predicted in (found, again):
        assert predicted.prediction.tobytes() == expected.tobytes()
        assert predicted.actual.tolist() == file["salary_in_usd"].to_pylist()
        assert predicted.group.tolist() == file["experience_level"].to_pylist()
    assert np.ptp(found.prediction) > 0


def test_of_equal_rows_one_is_distinct():
    rows = {"row_hash": np.array([7, 5, 7, 9, 5], np.uint64), "salary_in_usd": np.array([1, 2, 1, 3, 2])}
    assert {name: column.tolist() for name, column in distinct_rows(rows).items()} == {
        "row_hash": [5, 7, 9],
        "salary_in_usd": [2, 1, 3],
    }


def test_few_rows_have_nearly_the_mean_of_all():
    prediction = np.random.default_rng(1).lognormal(11.8, 0.5, 40_000)
    chosen = prediction[representative_rows(prediction, count=256)]
    assert abs(chosen.mean() - prediction.mean()) < 0.01 * prediction.std()  # 256 random rows are off by 0.06


def test_of_no_more_rows_than_wanted_all_stand_for_themselves():
    assert representative_rows(np.array([3.0, 1.0, 2.0]), count=3).tolist() == [0, 1, 2]
    assert representative_rows(np.array([3.0, 1.0, 2.0]), count=9).tolist() == [0, 1, 2]


def test_another_order_of_the_rows_gives_the_same_rows():
    prediction = np.random.default_rng(1).normal(size=1000)
    order = np.random.default_rng(2).permutation(1000)
    assert set(order[representative_rows(prediction[order], count=64)]) == set(
        representative_rows(prediction, count=64)
    )


@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("size", [7, 1000])
def test_a_sample_has_the_columns_of_the_network_the_group_and_the_target(tmp_path, size, step, monkeypatch):
    monkeypatch.setattr(sampled_rows, "MAX_ROWS", 1000 // step)
    names = ("experience_level", "company_size", "salary_in_usd", "work_year", "row_hash")
    file = pa.table({name: np.arange(1000, dtype=np.int16) + 1000 * index for index, name in enumerate(names)})
    pq.write_table(file, tmp_path / "train.parquet", row_group_size=size)
    recipe = make_recipe(features=["company_size"])
    network = trained(recipe, ENCODER, make_network(recipe).weights())
    found = read_sample(tmp_path / "train.parquet", network)
    assert list(found) == ["company_size", "experience_level", "salary_in_usd", "row_hash"]
    assert all(codes.dtype == np.int16 for codes in found.values())
    assert {name: codes.tolist() for name, codes in found.items()} == {
        name: file[name].to_pylist()[::step] for name in found
    }
