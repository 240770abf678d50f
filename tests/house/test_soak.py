"""Long campaigns, behind `make soak`."""

import re
import shutil
import sys
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import params, sample
from pipeline.data.encoding import ROWS, Encoder, Scaling
from pipeline.data.parquet import RowGroups
from pipeline.data.raw_table import read_table
from pipeline.data.schema import FEATURES, GROUP, HASH, NORMALISED, TARGET, WORDS
from pipeline.data.split import SPLITS
from pipeline.evaluation import ridge
from pipeline.evaluation.metrics import mean_squared_error
from pipeline.model import intervals as intervals_module
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import PERCENTS, PredictedRows, calibrate
from pipeline.nights.champion import Champion
from pipeline.nights.compare import compare_on_test_rows
from pipeline.nights.gate import decide
from pipeline.nights.record import NightOutcome
from pipeline.reporting.run_results import read_metrics
from tests.support.processes import ARGUMENTS, set_params
from tests.support.splits import read_split
from tests.support.work_tree import ROOT, copy_of_the_work_tree
from tests.support.work_tree import run as run_in

pytestmark = pytest.mark.soak

MEASURE = "import sys; from benchmarks.speed.measure import run; print(run(sys.argv[1:]).memory)"


def memory_of(folder, *command):
    """The largest resident memory of a command in the folder, in megabytes.

    It is started by a small process: what starts as a copy of this one would be measured to be as large.
    """
    return float(run_in(folder, sys.executable, "-c", MEASURE, sys.executable, *command).splitlines()[0])


def test_ten_million_rows_are_prepared_in_six_hundred_megabytes(tmp_path):
    table = tmp_path / "salaries.csv"
    sample.main(["--rows", "10000000", "--seed", "1", "--out", str(table)])
    command = ["-m", "benchmarks.prepare", "--contender", "ours", str(table), str(tmp_path / "out")]
    assert memory_of(ROOT, *command) < 600
    splits = [pq.ParquetFile(tmp_path / f"out/{name}.parquet") for name in ("train", "valid", "test")]
    assert sum(split.metadata.num_rows for split in splits) == 10_000_000


def test_stages_of_ten_million_rows_need_hardly_more_memory_than_of_one_million():
    shown = run_in(ROOT, sys.executable, "-m", "benchmarks.scaling", "--rounds", "1")
    lines = [line for line in shown.splitlines() if re.match(r"\| [\d,]+ \|", line)]
    one, ten = ([int(megabytes) for megabytes in re.findall(r"(\d+) MB", line)] for line in lines)
    assert len(ten) == 3
    for few, many in zip(one, ten, strict=True):
        assert many < 600
        assert many < 1.2 * few


def write_encoded_rows(file, *, rows, sizes, draw):
    """Made-up rows as the prepare stage would encode them; a few in a hundred are equal to another."""
    with RowGroups(file, ROWS) as groups:
        for start in range(0, rows, 1 << 17):
            count = min(1 << 17, rows - start)
            codes = {name: draw.integers(0, sizes[name], count, dtype=np.int16) for name in (*FEATURES, *WORDS)}
            numbers = {
                NORMALISED: draw.standard_normal(count, dtype=np.float32),
                TARGET: draw.integers(10_000, 500_000, count, dtype=np.int32),
                HASH: draw.integers(0, 1 << 27, count, dtype=np.uint64),
            }
            groups.write(pa.table(codes | numbers, schema=ROWS))


def test_an_epoch_over_ten_million_rows_fits_in_six_hundred_megabytes(tmp_path):
    for file in ("params.yaml", "versions.json"):
        shutil.copy(ROOT / file, tmp_path)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    set_params(tmp_path, {"recipes.full.batch_size": 4096, "recipes.full.epochs": 1})
    countries = tuple(a + b for a in "ABCDEFGHIJ" for b in "ABCDEFGH")
    values: dict[str, tuple[object, ...]] = {
        "work_year": tuple(range(2020, 2026)),
        "remote_ratio": (0, 50, 100),
        "experience_level": ("EN", "MI", "SE", "EX"),
        "employment_type": ("CT", "FL", "FT", "PT"),
        "company_size": ("S", "M", "L"),
        "employee_residence": countries,
        "company_location": countries,
        "job_title": tuple(f"job {number}" for number in range(100, 400)),
    }
    encoder = Encoder(values, tuple(map(str, range(100, 350))), Scaling("standard", 1e5, 5e4))
    prepared, draw = tmp_path / "data/prepared", np.random.default_rng(1)
    prepared.mkdir(parents=True)
    (prepared / "encoder.json").write_text(encoder.to_json())
    write_encoded_rows(prepared / "train.parquet", rows=10_000_000, sizes=encoder.sizes(), draw=draw)
    write_encoded_rows(prepared / "valid.parquet", rows=10_000, sizes=encoder.sizes(), draw=draw)
    assert memory_of(tmp_path, "-m", "pipeline.train", "full", *ARGUMENTS) < 600
    assert len((tmp_path / "trained/plots/full/learning_curve.csv").read_text().splitlines()) == 2


@pytest.mark.real
def test_the_pipeline_runs_on_real_tables_of_every_age(real_tables, tmp_path):
    folder = copy_of_the_work_tree(tmp_path / "clone")
    for file in real_tables[::25]:
        run_in(folder, "dvc", "exp", "run", "--set-param", f"data.path={file}")
        metrics = read_metrics(folder / "metrics", "full")
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


def predicted_by_ridge(prepared):
    """What ridge regression predicts for each split, and the vocabulary of the levels."""
    encoder = Encoder.read(prepared / "encoder.json")
    splits = {name: read_split(prepared / f"{name}.parquet") for name in SPLITS}
    columns = (*FEATURES, *WORDS)
    codes = {name: {column: split[column] for column in columns} for name, split in splits.items()}
    train, valid = splits["train"][TARGET], splits["valid"][TARGET]
    model = ridge.fit_best_penalty(
        codes["train"],
        train,
        rows=np.ones(len(train)),
        sizes=encoder.sizes(),
        error=lambda fitted: mean_squared_error(fitted.predict(codes["valid"]), valid),
    )
    return encoder.vocabularies[GROUP], {
        name: PredictedRows(model.predict(codes[name]), split[TARGET], split[GROUP]) for name, split in splits.items()
    }


@pytest.mark.real
def test_intervals_hold_on_the_real_table_overall_and_at_every_level(real_tables, stage, monkeypatch):
    monkeypatch.setattr(intervals_module, "WIDENING", 1.0)  # which is for the rows of tomorrow
    covered = defaultdict(list)
    for number in range(20):  # one split of 2,000 test rows, many of them equal, says no more than +- 3 points
        split = {"salt": f"v{number}", "valid_fraction": 0.15, "test_fraction": 0.2}
        stage.run(real_tables[-1], min_count=2, split=split)
        levels, found = predicted_by_ridge(stage.out)
        intervals = calibrate(train=found["train"], valid=found["valid"], groups=len(levels) + 1)
        test = found["test"]
        for percent in PERCENTS:
            low, high = intervals.around(test.prediction, group=test.group, percent=percent)
            inside = (low <= test.actual) & (test.actual <= high)
            covered[percent, "all"].append(inside.mean())
            for code, level in enumerate(levels, start=1):
                covered[percent, level].append(inside[test.group == code].mean())
    shares = {key: float(100 * np.mean(found)) for key, found in covered.items()}
    most = {key: 2 if key[1] == "all" else 5 for key in shares}
    assert all(abs(share - key[0]) <= most[key] for key, share in shares.items()), shares


@pytest.mark.real
def test_the_gate_keeps_out_a_model_that_reads_half_of_the_features(real_tables, tmp_path):
    folder = copy_of_the_work_tree(tmp_path / "clone")
    gate = params.load(params.Nightly, "nightly").gate
    settings = params.load(params.Prepare, "prepare")
    for file in real_tables[60::16]:
        shutil.copyfile(file, folder / "data/raw/salaries.csv")
        run_in(folder, "dvc", "repro")
        full, course = (Bundle.load(folder / f"models/{name}") for name in ("full", "course"))
        table = read_table(file, settings=settings)
        outcomes = [
            decide(compare_on_test_rows(table, champion=one, anchor=one, challenger=challenger), gate).outcome
            for one, challenger in ((Champion(full, ""), course), (Champion(course, ""), full))
        ]
        assert outcomes == [NightOutcome.KEPT, NightOutcome.PROMOTED], file.name
