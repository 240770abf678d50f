import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import FEATURES, GROUP, WORDS
from pipeline.model.bundle import Bundle
from pipeline.model.intervals import Intervals
from pipeline.model.network import build
from pipeline.model.reproducible import safetensors, torch
from tests.support.recipes import EMBEDDING, make_recipe

PREDICT = """
import sys, pathlib, numpy as np
from pipeline.model.bundle import Bundle
bundle = Bundle.load(pathlib.Path(sys.argv[1]))
codes = {name: np.arange(5, dtype=np.int16) % 2 for name in bundle.network.columns}
print(bundle.predict(codes).tobytes().hex())
"""


KINDS = ("mlp", "embedding")


@pytest.fixture(params=KINDS)
def bundle(request):
    encoder = Encoder(dict.fromkeys(FEATURES, ("x", "y")), ("data", "lead"), Scaling("standard", 1e5, 5e4))
    networks = {"mlp": {"kind": "mlp", "hidden": (3,)}, "embedding": {**EMBEDDING["network"], "output": "linear"}}
    recipe = make_recipe(features=FEATURES, network=networks[request.param])
    built = build(recipe, encoder, generator=torch.Generator().manual_seed(3))
    intervals = Intervals((0.3, 0.2, 0.4), 50_000.0, {80: (1.5, 2.0), 95: (2.0, math.inf)})
    background = {name: np.arange(3, dtype=np.int16) for name in built.columns}
    facts = {"packages": {"torch": "2.13.0"}, "kept_epoch": 7, "reproducibility": "the same bytes on any x86-64 CPU"}
    return Bundle(built.eval(), encoder, recipe, intervals, background, facts)


def codes(rows=5):
    return {name: np.arange(rows, dtype=np.int16) % 2 for name in (*FEATURES, *WORDS)}


def test_a_saved_bundle_loads_as_it_was(bundle, tmp_path):
    bundle.save(tmp_path)
    loaded = Bundle.load(tmp_path)
    assert loaded.recipe == bundle.recipe
    assert loaded.encoder == bundle.encoder
    assert loaded.intervals == bundle.intervals
    assert loaded.provenance == bundle.provenance
    assert set(loaded.background) == set(bundle.network.columns)
    assert all(rows.tolist() == [0, 1, 2] for rows in loaded.background.values())
    assert loaded.predict(codes()).tobytes() == bundle.predict(codes()).tobytes()


def test_a_bundle_puts_intervals_around_predictions_by_their_group(bundle):
    assert GROUP == "experience_level"
    low, high = bundle.interval(np.full(5, 100_000.0), codes(), percent=80)
    assert low.tolist() == [32_500.0, 55_000.0, 32_500.0, 55_000.0, 32_500.0]
    assert high.tolist() == [190_000.0, 160_000.0, 190_000.0, 160_000.0, 190_000.0]


def test_a_bundle_predicts_the_same_bits_in_another_process_and_folder(bundle, tmp_path):
    bundle.save(tmp_path / "moved here")
    command = [sys.executable, "-c", PREDICT, str(tmp_path / "moved here")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == bundle.predict(codes()).tobytes().hex()


def test_the_same_bundle_has_the_same_bytes(bundle, tmp_path):
    bundle.save(tmp_path / "one")
    Bundle.load(tmp_path / "one").save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_a_bundle_in_the_words_of_earlier_ones_loads_as_it_was(bundle, tmp_path):
    bundle.save(tmp_path)
    facts = json.loads((tmp_path / "bundle.json").read_text())
    facts["recipe"]["loss"] = "mse"
    facts["recipe"]["network"].pop("output", None)
    facts["intervals"]["reach"] = facts["intervals"].pop("quantiles")
    del facts["intervals"]["offset"]
    facts["promise"] = facts.pop("reproducibility")
    (tmp_path / "bundle.json").write_text(json.dumps(facts))
    loaded = Bundle.load(tmp_path)
    assert loaded.recipe == bundle.recipe
    assert loaded.intervals == replace(bundle.intervals, offset=0.0)
    assert loaded.provenance == bundle.provenance
    assert loaded.predict(codes()).tobytes() == bundle.predict(codes()).tobytes()


def test_a_bundle_of_another_contract_is_refused(bundle, tmp_path):
    bundle.save(tmp_path)
    facts = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps(facts | {"contract_version": 99}))
    with pytest.raises(ValueError, match="must be of data contract 2, found 99; train it again"):
        Bundle.load(tmp_path)


def test_a_folder_without_weights_is_no_bundle(bundle, tmp_path):
    bundle.save(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(ValueError, match=r"must hold weights\.safetensors, found none; train it with dvc repro"):
        Bundle.load(tmp_path)


def nan_weights(content):
    weights = safetensors.torch.load(content)
    next(iter(weights.values())).fill_(math.nan)
    return safetensors.torch.save(weights)


DAMAGED = {
    "weights cut short": ("weights.safetensors", lambda content: content[:-1], "SafetensorError"),
    "no weights": ("weights.safetensors", lambda _: b"", "SafetensorError"),
    "weights that are no numbers": (
        "weights.safetensors",
        nan_weights,
        "weights must be finite, found NaN or infinity in",
    ),
    "other rows": ("background.safetensors", lambda content: content[:9], "SafetensorError"),
    "no JSON": ("bundle.json", lambda content: content[:-9], "JSONDecodeError"),
    "no UTF-8": ("encoder.json", lambda content: b"\xff" + content, "UnicodeDecodeError"),
    "a list": ("bundle.json", lambda _: b"[]", "TypeError"),
    "a key less": (
        "bundle.json",
        lambda content: content.replace(b'"intervals"', b'"interval"'),
        "KeyError: 'intervals'",
    ),
    "a value more": ("encoder.json", lambda content: content.replace(b'"x"', b'"x", "z"', 4), "RuntimeError"),
    "a wrong setting": (
        "bundle.json",
        lambda content: content.replace(b'"each"', b'"all"'),
        "recipe.equal_rows: Input should be",
    ),
    "another loss than there ever was": (
        "bundle.json",
        lambda content: content.replace(b'"recipe": {', b'"recipe": {"loss": "mae",'),
        'recipe.loss: no such setting; found "mae"',
    ),
    "a feature of another table": (
        "bundle.json",
        lambda content: content.replace(f'"{FEATURES[0]}"'.encode(), b'"floor"'),
        'recipe.features.0 must be a feature of the data contract, one of .*; found "floor"',
    ),
}


DAMAGED_BUNDLES = [(kind, damage) for kind in KINDS for damage in DAMAGED]
DAMAGED_BUNDLES.remove(("mlp", "a value more"))  # it has no tables of codes that would be too short


@pytest.mark.parametrize(("bundle", "damage"), DAMAGED_BUNDLES, indirect=["bundle"])
def test_a_damaged_bundle_is_refused_with_what_is_wrong(bundle, tmp_path, damage):
    name, change, message = DAMAGED[damage]
    bundle.save(tmp_path)
    (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        Bundle.load(tmp_path)
    assert str(tmp_path) in str(caught.value)
