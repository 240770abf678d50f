import json
import math
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import evaluate, params
from pipeline.data import external_sort
from pipeline.data.schema import AUDITED, TARGET
from pipeline.data.split import SPLITS
from pipeline.model.bundle import Bundle
from pipeline.reporting.run_results import read_metrics
from tests.support.models import make_bundle, overflowing
from tests.support.tables import rows, table

TABLES = ("calibration", "coverage", "fairness", "importance", "predictions", "residuals", "slices")


@pytest.fixture
def prepared(stage):
    """A folder with a prepared table and an untrained model of all features."""
    stage.run(table(rows(600)))
    make_bundle(stage.out).save(stage.folder / "model")
    return stage.folder


def run(folder, *, out="out", min_slice_rows=10, single_rows=True, min_count=1, **limits):
    """Evaluate the model in the folder; returns the bytes of all that was written."""
    (folder / out).mkdir()
    paths = evaluate.Paths(
        model=folder / "model",
        prepared=folder / "prepared",
        table=folder / "raw.csv",
        metrics=folder / out,
        plots=folder / out,
        card=folder / out / "card.md",
    )
    fairness = {"max_bias_share": 0.05, "max_error_ratio": 1.25} | limits
    facts = {"min_slice_rows": min_slice_rows, "single_rows": single_rows, "fairness": fairness}
    settings = params.parse(params.Evaluate, facts, where="test")
    evaluate.run("mine", paths, settings, min_count=min_count)
    files = sorted(file for file in (folder / out).rglob("*") if file.is_file())
    return {file.relative_to(folder / out).as_posix(): file.read_bytes() for file in files}


def numbers_of(written):
    """The metrics of both files."""
    headline, details = (json.loads(written[f"{part}/mine.json"]) for part in ("recipes", "details"))
    assert not headline.keys() & details.keys()
    return headline | details


def rewrite(path, change):
    """Write a Parquet file anew with its columns changed."""
    found = pq.read_table(path)
    columns = change({name: found[name].to_numpy().copy() for name in found.column_names})
    pq.write_table(pa.table(columns, schema=found.schema), path)


def test_a_split_of_one_row_cannot_be_scored(prepared):
    path = prepared / "prepared/test.parquet"
    pq.write_table(pq.read_table(path).slice(0, 1), path)
    with pytest.raises(ValueError, match=r"test\.parquet: a split must have two rows or more to be scored, found 1"):
        run(prepared)


@pytest.mark.parametrize("single_rows", [True, False])
def test_rows_read_in_small_blocks_give_the_same_bytes(prepared, monkeypatch, single_rows):
    expected = run(prepared, single_rows=single_rows)
    for split in SPLITS:
        path = prepared / f"prepared/{split}.parquet"
        pq.write_table(pq.read_table(path), path, row_group_size=17)
    for name, size in {"HEAD": 4, "FAN_IN": 3}.items():
        monkeypatch.setattr(external_sort, name, size)
    monkeypatch.setattr(external_sort.RowFile.blocks, "__defaults__", (10,))
    monkeypatch.setattr(external_sort.RowFile.blocks_of_whole_groups, "__defaults__", (10,))
    assert run(prepared, out="again", single_rows=single_rows) == expected


def test_it_writes_the_metrics_and_a_table_for_each_plot(prepared):
    written = run(prepared)
    files = {"recipes/mine.json", "details/mine.json", "card.md"}
    assert set(written) == files | {f"{name}.csv" for name in TABLES}
    numbers = numbers_of(written)
    assert all(isinstance(value, int | float) and math.isfinite(value) for value in numbers.values())
    assert numbers["test_mse_over_ridge"] == numbers["test_mse_usd2"] / numbers["test_ridge_mse_usd2"]


def test_the_metrics_of_dvc_are_few(prepared):
    assert list(json.loads(run(prepared)["recipes/mine.json"])) == [
        "test_rmse_usd",
        "test_r2",
        "test_mse_over_ridge",
        "test_mae_usd",
        "test_coverage80",
        "test_mse_usd2",
        "test_mse_normalised",
    ]


def test_a_model_without_finite_predictions_fails_the_run(prepared):
    overflowing(Bundle.load(prepared / "model")).save(prepared / "model")
    with pytest.raises(ValueError, match=r"the model must predict a finite number, found NaN or infinity for \d+ of"):
        run(prepared)
    assert not list((prepared / "out").iterdir())


def test_the_order_of_the_rows_leaves_no_trace(prepared):
    before = run(prepared)
    for file in (prepared / "prepared").glob("*.parquet"):
        if file.stem != "quarantine":
            rewrite(file, lambda columns: {name: column[::-1] for name, column in columns.items()})
    assert run(prepared, out="again") == before


def test_no_slice_is_smaller_than_the_setting_says(prepared):
    written = run(prepared, min_slice_rows=25)
    lines = written["slices.csv"].decode().splitlines()[1:]
    assert lines
    assert min(int(line.rsplit(",", 3)[1]) for line in lines) >= 25


def test_the_groups_beyond_the_limits_are_counted_among_the_metrics(prepared):
    strict = run(prepared, max_bias_share=0.0001)
    lax = run(prepared, out="lax", max_bias_share=1.0, max_error_ratio=100.0)
    verdicts = [line.rsplit(",", 1)[1] for line in strict["fairness.csv"].decode().splitlines()[1:]]
    beyond = sum(verdict.startswith("beyond by") for verdict in verdicts)
    assert numbers_of(strict)["test_fairness_groups_beyond"] == beyond > 0
    assert numbers_of(lax)["test_fairness_groups_beyond"] == 0
    assert b" of all): %d of %d groups" % (beyond, len(verdicts)) in strict["card.md"]


def test_each_audited_feature_has_its_groups(prepared):
    lines = run(prepared)["fairness.csv"].decode().splitlines()[1:]
    assert {line.strip('"').split("=")[0] for line in lines} == set(AUDITED)


def test_a_contract_that_audits_nothing_has_no_groups(prepared, monkeypatch):
    monkeypatch.setattr(evaluate, "AUDITED", ())
    written = run(prepared)
    assert len(written["fairness.csv"].decode().splitlines()) == 1
    assert numbers_of(written)["test_fairness_groups_beyond"] == 0


def test_a_raw_table_that_is_gone_fails_the_run(prepared):
    (prepared / "raw.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"raw\.csv must be there, found none; run dvc repro"):
        run(prepared)
    assert not list((prepared / "out").iterdir())


def test_a_training_row_among_the_test_rows_fails_the_run(prepared):
    train = pq.read_table(prepared / "prepared/train.parquet")
    test = pq.read_table(prepared / "prepared/test.parquet")
    pq.write_table(pa.concat_tables([test, train.slice(0, 1)]), prepared / "prepared/test.parquet")
    with pytest.raises(ValueError, match="leak: equal rows must be in one split, found 1 of the test rows in train"):
        run(prepared)
    assert not list((prepared / "out").iterdir())


def test_a_column_that_gives_the_target_away_fails_the_run(prepared, monkeypatch):
    load = Bundle.load

    def leaking(folder):
        bundle = load(folder)
        bundle.network.columns = (*bundle.network.columns, TARGET)
        return bundle

    monkeypatch.setattr(Bundle, "load", leaking)
    with pytest.raises(ValueError, match=f"leak: a network may read .* only, found {TARGET}"):
        run(prepared)


def test_an_encoder_that_knows_other_rows_fails_the_run(prepared):
    with pytest.raises(ValueError, match=r"leak: .* must stand in 500 training rows to have a code, found"):
        run(prepared, min_count=500)


def test_training_rows_taken_away_after_the_fit_fail_the_run(prepared):
    rewrite(prepared / "prepared/train.parquet", lambda columns: {name: c[:-1] for name, c in columns.items()})
    with pytest.raises(ValueError, match="leak: the scaling's center must be that of the training rows"):
        run(prepared)


def test_the_command_reads_its_settings_and_names_what_is_wrong(prepared, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "end_with_parent", lambda: None)
    settings = Path("params.yaml").read_text(encoding="utf-8")
    (prepared / "params.yaml").write_text(settings.replace("min_count: 2", "min_count: 500"), encoding="utf-8")
    shutil.copy("versions.json", prepared)
    monkeypatch.chdir(prepared)
    files = ["--models", ".", "--prepared", "prepared", "--metrics", "metrics", "--plots", "plots", "--cards", "cards"]
    for model, message in {
        "model": r"evaluate model: leak: a value of .* must stand in 500 training rows",
        "none": r"evaluate none: none: a model bundle must be a folder",
    }.items():
        with pytest.raises(SystemExit, match="1"):
            evaluate.main([model, *files])
        assert re.match(message, capsys.readouterr().err)


def test_the_committed_metrics_are_flat_finite_numbers_with_rows_of_every_split():
    for name in params.recipe_names():
        metrics = read_metrics(Path("metrics"), name)
        assert all(isinstance(value, int | float) and math.isfinite(value) for value in metrics.values())
        for split in ("train", "valid", "test"):
            assert (
                0
                < metrics[f"{split}_rows_distinct"]
                <= metrics[f"{split}_rows"]
                > metrics[f"{split}_rows_with_unknown"]
            )
            for score in ("rows", "mse_normalised", "mse_usd2", "rmse_usd", "mae_usd", "r2", "floor_usd2"):
                assert f"{split}_{score}" in metrics
        assert {f"test_{name}_mse_usd2" for name in ("mean", "cell_mean", "ridge")} <= set(metrics)
        assert {"test_coverage80", "test_coverage95"} <= set(metrics)
