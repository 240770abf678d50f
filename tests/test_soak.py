"""Long campaigns, behind `make soak`."""

import json
import sys

import pyarrow.parquet as pq
import pytest

from benchmarks.measure import run
from pipeline import sample
from tests.clones import copy_of_the_work_tree
from tests.clones import run as run_in

pytestmark = pytest.mark.soak


def test_ten_million_rows_are_prepared_in_six_hundred_megabytes(tmp_path):
    table = tmp_path / "salaries.csv"
    sample.main(["--rows", "10000000", "--seed", "1", "--out", str(table)])
    done = run([sys.executable, "-m", "benchmarks.prepare", "--contender", "ours", str(table), str(tmp_path / "out")])
    assert done.memory < 600
    splits = [pq.ParquetFile(tmp_path / f"out/{name}.parquet") for name in ("train", "valid", "test")]
    assert sum(split.metadata.num_rows for split in splits) == 10_000_000


@pytest.mark.real
def test_the_pipeline_runs_on_real_tables_of_every_age(real_tables, tmp_path):
    folder = copy_of_the_work_tree(tmp_path / "clone")
    for file in real_tables[::25]:
        run_in(folder, "dvc", "exp", "run", "--set-param", f"data.path={file}")
        metrics = json.loads((folder / "metrics/full.json").read_text(encoding="utf-8"))
        assert metrics["test_mse_usd2"] < metrics["test_mean_mse_usd2"], file.name


@pytest.mark.parametrize("seed", range(3))
def test_training_gives_the_same_bytes_whatever_the_threads_outside(tmp_path, seed, monkeypatch):
    hashes = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setenv("MKL_NUM_THREADS", threads)
        folder = copy_of_the_work_tree(tmp_path / threads)
        run_in(folder, "dvc", "exp", "run", "--set-param", f"recipes.full.seed={seed}", "train@full")
        hashes.add((folder / "models/full/weights.safetensors").read_bytes())
    assert len(hashes) == 1
