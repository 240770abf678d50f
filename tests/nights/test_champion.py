import shutil

import numpy as np
import pytest

from pipeline import params
from pipeline.data.encoding import Encoder
from pipeline.data.raw_table import read_table
from pipeline.data.schema import TARGET
from pipeline.evaluation.columns import read_split
from pipeline.model.bundle import Bundle
from pipeline.nights.champion import Champion, find_champion, trial
from pipeline.repository.dvc_lock import Caches, Stage, md5_of
from tests.conftest import prepare_settings
from tests.support.tables import rows, table

MODEL = "models/full"
SETTINGS = prepare_settings()
LISTED = {"prepare": Stage({}, {MODEL: "0.dir"}, {"params.yaml prepare": SETTINGS.model_dump(mode="json")})}


class Listing(Caches):
    """A cache whose listings have the files of the tree; that of `1.dir` has other weights."""

    def files(self, path, md5):
        (tree,) = self.folders
        recorded = {f"{path}/{file.name}": md5_of(file) for file in (tree / path).iterdir()}
        return recorded | ({f"{path}/weights.safetensors": "another"} if md5 == "1.dir" else {})


def find(tree, stages, *, split=SETTINGS.split):
    return find_champion(tree, MODEL, stages=stages, caches=Listing((tree,)), split=split)


@pytest.fixture
def tree(modelled, tmp_path):
    shutil.copytree(modelled.folder / "model", tmp_path / MODEL)
    return tmp_path


def test_the_champion_is_the_recorded_model(tree):
    found = find(tree, LISTED)
    assert found.bundle
    assert (found.md5, found.missing) == ("0.dir", None)


def test_a_project_that_never_trained_has_no_champion(tree):
    assert find(tree, {}) == Champion(None, None)


def test_a_champion_that_was_trained_under_another_split_may_know_the_test_rows(tree):
    other = params.Split(salt="other", valid_fraction=0.2, test_fraction=0.2)
    assert find(tree, LISTED, split=other).missing == "it was trained under another prepare.split"


def test_a_champion_with_other_bytes_than_the_recorded_is_not_trusted(tree):
    stages = {"prepare": Stage({}, {MODEL: "1.dir"}, LISTED["prepare"].settings)}
    assert "weights.safetensors missing or changed" in (find(tree, stages).missing or "")


def test_a_champion_of_another_contract_is_not_comparable(tree):
    text = (tree / MODEL / "bundle.json").read_text()
    (tree / MODEL / "bundle.json").write_text(text.replace('"contract_version": 1', '"contract_version": 0'))
    assert "data contract 1, found 0" in (find(tree, LISTED).missing or "")


def test_both_sides_predict_what_evaluate_does_for_the_test_rows(modelled, tmp_path):
    (tmp_path / "table.csv").write_bytes(table(rows(600)))
    bundle = Bundle.load(modelled.folder / "model")
    found = trial(
        read_table(tmp_path / "table.csv", settings=SETTINGS),
        champion=Champion(bundle, "0.dir"),
        challenger=bundle,
    )
    test = read_split(modelled.out / "test.parquet")
    dollars = Encoder.read(modelled.out / "encoder.json").scaling.denormalise(bundle.predict(test))
    assert found.champion is not None
    expected = sorted(zip(test[TARGET].tolist(), dollars.tolist(), strict=True))
    for predicted in (found.champion, found.challenger):
        assert sorted(zip(found.actual.tolist(), predicted.tolist(), strict=True)) == expected
    train = read_split(modelled.out / "train.parquet")
    assert found.mean_usd == pytest.approx(train[TARGET].mean())


def test_equal_features_are_one_group_and_slices_name_their_values(modelled, tmp_path):
    (tmp_path / "table.csv").write_bytes(table(rows(600)))
    bundle = Bundle.load(modelled.folder / "model")
    read = read_table(tmp_path / "table.csv", settings=SETTINGS)
    found = trial(read, champion=Champion(None, None, "lost"), challenger=bundle)
    assert (found.champion, found.incomparable) == (None, "lost")
    cells = {tuple(positions[row] for positions, _ in found.slices.values()) for row in range(len(found.actual))}
    assert len(cells) == len(np.unique(found.groups))
    assert set(found.slices["work_year"][1]) == {"2020", "2021", "2022", "2023"}
