"""Long campaigns, behind `make soak`."""

import json
import sys
from collections import defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.measure import run
from pipeline import ridge, sample
from pipeline.conformal import LEVEL, PERCENTS, Outcomes, calibrate
from pipeline.encoding import WORDS, Encoder
from pipeline.evaluate import read_split
from pipeline.schema import FEATURES, TARGET
from pipeline.split import SPLITS
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


def outcomes_of_ridge(prepared):
    """What ridge regression predicts for each split, and the vocabulary of the levels."""
    encoder = Encoder.read(prepared / "encoder.json")
    splits = {name: read_split(prepared / f"{name}.parquet") for name in SPLITS}
    columns = (*FEATURES, *WORDS)
    model = ridge.choose(splits["train"], splits["valid"], columns=columns, target=TARGET, sizes=encoder.sizes())
    return encoder.vocabularies[LEVEL], {
        name: Outcomes(model.predict({column: split[column] for column in columns}), split[TARGET], split[LEVEL])
        for name, split in splits.items()
    }


@pytest.mark.real
def test_intervals_hold_on_the_real_table_overall_and_at_every_level(real_tables, stage):
    covered = defaultdict(list)
    for number in range(20):  # one split of 2,000 test rows, many of them equal, says no more than +- 3 points
        split = {"salt": f"v{number}", "valid_fraction": 0.15, "test_fraction": 0.2}
        stage.run(real_tables[-1], min_count=2, split=split)
        levels, found = outcomes_of_ridge(stage.out)
        intervals = calibrate(train=found["train"], valid=found["valid"], groups=len(levels) + 1)
        test = found["test"]
        for percent in PERCENTS:
            low, high = intervals.around(test.prediction, group=test.group, percent=percent)
            inside = (low <= test.actual) & (test.actual <= high)
            covered[percent, "all"].append(inside.mean())
            for code, level in enumerate(levels, start=1):
                covered[percent, level].append(inside[test.group == code].mean())
    shares = {key: float(100 * np.mean(found)) for key, found in covered.items()}
    assert all(abs(share - percent) <= (2 if level == "all" else 5) for (percent, level), share in shares.items()), (
        shares
    )
