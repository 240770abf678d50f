import datetime
import json
import shutil

import pytest

from pipeline import params
from pipeline.model.bundle import Bundle
from pipeline.nights.anchor import Anchor
from pipeline.nights.champion import FETCHED, Champion, find_anchor, find_champion
from pipeline.nights.night import Night
from pipeline.nights.record_files import ANCHOR
from pipeline.repository.dvc_lock import Stage, md5_of, place_of
from pipeline.repository.project import Project
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import CommandError
from tests.conftest import prepare_settings
from tests.support.work_tree import ROOT

MODEL = "models/full"
MD5 = f"{'0' * 32}.dir"
SETTINGS = prepare_settings()


@pytest.fixture
def tree(modelled, tmp_path):
    """A night's clone with a model."""
    shutil.copytree(modelled.folder / "model", tmp_path / "tree" / MODEL)
    return tmp_path / "tree"


def record(tree, **other):
    """The stages that record the model of the clone, whose files get these md5s instead of their own."""
    md5s = {file.name: md5_of(file) for file in (tree / MODEL).iterdir()} | other
    listing = tree.parent / "cache/files/md5" / MD5[:2] / MD5[2:]
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(json.dumps([{"md5": md5, "relpath": name} for name, md5 in md5s.items()]))
    return {"prepare": Stage({}, {MODEL: MD5}, {"params.yaml prepare": SETTINGS.model_dump(mode="json")})}


def night_in(tree, stages, *, prepare=SETTINGS):
    clone = Project(tree, {})
    workspace = Workspace(clone, clone, "main", "", tree.parent / "cache", has_remote=False)
    settings = params.load(params.Nightly, "nightly", file=ROOT / "params.yaml")
    return Night(workspace, tree, datetime.date(2026, 1, 31), None, settings, prepare, "table.csv", stages)


def find(tree, stages, *, prepare=SETTINGS):
    return find_champion(night_in(tree, stages, prepare=prepare))


def test_the_champion_is_the_recorded_model(tree):
    found = find(tree, record(tree))
    assert found.bundle
    assert (found.md5, found.incomparable) == (MD5, None)


def test_a_project_that_never_trained_has_no_champion(tree):
    assert find(tree, {}) == Champion(None, None)


def test_a_champion_that_was_trained_under_another_split_may_know_the_test_rows(tree):
    split = {"salt": "other", "valid_fraction": 0.2, "test_fraction": 0.2}
    found = find(tree, record(tree), prepare=prepare_settings(split=split))
    assert found == Champion(None, MD5, "it was trained under another prepare.split")


def test_a_champion_with_other_bytes_than_the_recorded_is_not_trusted(tree):
    stages = record(tree, **{"weights.safetensors": "another"})
    assert "weights.safetensors missing or changed" in (find(tree, stages).incomparable or "")


def test_what_the_cache_has_damaged_is_named_with_what_to_do(tree):
    stages, weights = record(tree), tree / MODEL / "weights.safetensors"
    place = place_of(md5_of(weights))
    damaged = tree.parent / "cache" / place
    damaged.parent.mkdir(parents=True)
    for file in (damaged, weights):
        file.write_bytes(b"damaged")
    words = f"weights.safetensors missing or changed; DVC's cache has damaged {place}: delete it, and dvc repro"
    assert words in (find(tree, stages).incomparable or "")


def test_a_champion_of_which_nothing_is_at_hand_is_not_trusted(tree):
    stages = record(tree)
    shutil.rmtree(tree.parent / "cache")
    assert f"must be in DVC's cache or remote, found no listing {MD5}" in (find(tree, stages).incomparable or "")


def test_a_champion_of_another_contract_is_not_comparable(tree):
    text = (tree / MODEL / "bundle.json").read_text()
    (tree / MODEL / "bundle.json").write_text(text.replace('"contract_version": 2', '"contract_version": 0'))
    assert "data contract 2, found 0" in (find(tree, record(tree)).incomparable or "")


@pytest.fixture
def champion(tree):
    return Champion(Bundle.load(tree / MODEL), f"{'1' * 32}.dir")


@pytest.fixture
def anchored(tree, monkeypatch):
    """A night whose record names the model of the clone as the anchor, and a DVC that brings that model."""

    def bring(_, target, *, recorded, seconds):
        (out,) = json.loads((tree / target).read_text())["outs"]
        assert (target, out["md5"], seconds > 0) == (f"{FETCHED}.dvc", MD5, True)
        assert recorded == {FETCHED: MD5}
        shutil.copytree(tree / MODEL, (tree / target).parent / out["path"])

    (tree / "metrics").mkdir()
    Anchor(model_md5=MD5, split=SETTINGS.split).write(tree)
    monkeypatch.setattr(Workspace, "checkout_outputs", bring)
    return night_in(tree, record(tree))


def test_the_anchor_is_brought_and_leaves_nothing_behind(anchored, champion, tree):
    found = find_anchor(anchored, champion)
    assert found.bundle
    assert (found.md5, found.incomparable) == (MD5, None)
    assert [file.name for file in (tree / "metrics").iterdir()] == ["anchor.json"]


def test_a_champion_that_is_the_anchor_or_has_none_beside_it_is_not_looked_for_twice(anchored, champion, tree):
    for itself in (Champion(champion.bundle, MD5), Champion(None, "x", "lost"), Champion(None, None)):
        assert find_anchor(anchored, itself) is itself
    (tree / ANCHOR).unlink()
    assert find_anchor(anchored, champion) is champion


def test_an_anchor_of_another_split_may_know_the_test_rows(anchored, champion, tree):
    split = params.Split(salt="other", valid_fraction=0.2, test_fraction=0.2)
    Anchor(model_md5=MD5, split=split).write(tree)
    assert find_anchor(anchored, champion) == Champion(None, MD5, "it was trained under another prepare.split")


def test_an_anchor_that_is_lost_damaged_or_misnamed_cannot_be_compared(anchored, champion, tree, monkeypatch):
    (tree / MODEL / "weights.safetensors").write_bytes(b"damaged")
    assert "weights.safetensors missing or changed" in (find_anchor(anchored, champion).incomparable or "")
    monkeypatch.setattr(Workspace, "checkout_outputs", fail)
    assert "DVC cannot bring its files" in (find_anchor(anchored, champion).incomparable or "")
    assert [file.name for file in (tree / "metrics").iterdir()] == ["anchor.json"]
    (tree / ANCHOR).write_text("{}")
    assert "anchor.json: model_md5: Field required" in (find_anchor(anchored, champion).incomparable or "")


def fail(*_, **__):
    raise CommandError(["dvc", "pull"], "failed: the remote is gone")
