import pytest

from pipeline import train
from pipeline.bundle import Bundle
from tests.clones import ROOT
from tests.recipes import make_recipe
from tests.tables import rows, table

PACKAGES = {"torch": "2.13.0"}


@pytest.fixture
def prepared(stage):
    stage.run(table(rows(200)))
    return stage


def trained(prepared, recipe):
    files = {name: prepared.out / f"{name}.parquet" for name in ("train", "valid")}
    train.run(
        recipe,
        name="test",
        packages=PACKAGES,
        encoder=prepared.out / "encoder.json",
        out=prepared.folder / "model",
        curve=prepared.folder / "curve.csv",
        **files,
    )
    return Bundle.load(prepared.folder / "model")


def test_the_bundle_records_what_it_was_made_of(prepared):
    bundle = trained(prepared, make_recipe())
    assert bundle.recipe == make_recipe()
    assert bundle.provenance["packages"] == PACKAGES
    assert bundle.provenance["kept_epoch"] == 2
    assert set(bundle.provenance["data"]) == {"train.parquet", "valid.parquet"}


def test_the_learning_curve_has_a_line_per_epoch(prepared):
    trained(prepared, make_recipe(epochs=3))
    header, *lines = (prepared.folder / "curve.csv").read_text().splitlines()
    assert header == "epoch,train_mse,valid_mse"
    assert [line.split(",")[0] for line in lines] == ["1", "2", "3"]


def test_a_log_gets_plain_lines_with_both_losses(prepared, capsys):
    trained(prepared, make_recipe(epochs=1))
    assert capsys.readouterr().out.startswith("test epoch 1/1 train_mse=")


def test_a_split_without_rows_names_the_setting(prepared):
    prepared.run(table(rows(3)), split={"salt": "x", "valid_fraction": 1e-9, "test_fraction": 1e-9})
    with pytest.raises(ValueError, match=r"valid\.parquet: the split must have rows, found none; .* prepare\.split"):
        trained(prepared, make_recipe())


def test_the_command_names_a_missing_file(monkeypatch):
    monkeypatch.chdir(ROOT)
    paths = [f"--{name}=nowhere" for name in ("train", "valid", "encoder", "out", "curve")]
    with pytest.raises(SystemExit, match=r"train course: .*No such file or directory: 'nowhere'"):
        train.main(["course", *paths])
