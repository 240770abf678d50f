from benchmarks.accuracy.stages import prepare_in, train_in
from pipeline.data.schema import TARGET
from pipeline.evaluate import read_split
from pipeline.inference.predictions import predict
from tests.conftest import prepare_settings
from tests.support.recipes import make_recipe
from tests.support.tables import rows, table


def test_the_stages_of_the_pipeline_run_in_one_folder(tmp_path):
    (tmp_path / "salaries.csv").write_bytes(table(rows(300)))
    prepare_in(tmp_path, tmp_path / "salaries.csv", settings=prepare_settings())
    bundle = train_in(tmp_path, make_recipe(epochs=1))
    test = read_split(tmp_path / "test.parquet")
    assert predict(bundle, test).predicted.shape == test[TARGET].shape
    assert set(bundle.provenance["packages"]) == {"numpy", "pyarrow", "safetensors", "torch"}
