import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from pipeline.data.encoding import Encoder, Scaling
from pipeline.data.schema import FEATURES, GROUP, WORDS
from pipeline.model.bundle import FIX, Bundle
from pipeline.model.intervals import Intervals
from pipeline.model.network import build
from pipeline.model.reproducible import ANY_CPU, torch
from pipeline.model.trained import trained
from tests.support.bundle_edits import with_new_hashes
from tests.support.recipes import EMBEDDING, make_recipe

PREDICT = """
import sys, pathlib, numpy as np
from pipeline.model.bundle import FIX, Bundle
bundle = Bundle.load(pathlib.Path(sys.argv[1]))
codes = {name: np.arange(5, dtype=np.int16) % 2 for name in bundle.network.columns}
print(bundle.predict_normalised(codes).tobytes().hex())
"""


KINDS = ("mlp", "embedding")
VALUES: dict[str, tuple[object, ...]] = {
    "work_year": (2022, 2023),
    "experience_level": ("EN", "MI"),
    "employment_type": ("CT", "FT"),
    "job_title": ("Data Engineer", "Lead"),
    "employee_residence": ("GB", "US"),
    "remote_ratio": (0, 100),
    "company_location": ("GB", "US"),
    "company_size": ("S", "L"),
}


@pytest.fixture(params=KINDS)
def bundle(request):
    encoder = Encoder(VALUES, ("data", "lead"), Scaling("standard", 1e5, 5e4))
    networks = {"mlp": {"kind": "mlp", "hidden": (3,)}, "embedding": {**EMBEDDING["network"], "output": "linear"}}
    recipe = make_recipe(features=FEATURES, network=networks[request.param])
    built = build(recipe, encoder, generator=torch.Generator().manual_seed(3))
    intervals = Intervals((0.3, 0.2, 0.4), 50_000.0, {80: (1.5, 2.0), 95: (2.0, math.inf)})
    background = {name: np.arange(3, dtype=np.int16) for name in built.columns}
    facts = {"kept_epoch": 7, "reproducibility": ANY_CPU, "packages": {"torch": "2.13.0"}, "data": {}}
    network = trained(recipe, encoder, built.weights())
    return Bundle(network, encoder, recipe, intervals, background, facts)


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
    assert loaded.predict_normalised(codes()).tobytes() == bundle.predict_normalised(codes()).tobytes()


def test_a_bundle_puts_intervals_around_predictions_by_their_group(bundle):
    assert GROUP == "experience_level"
    low, high = bundle.interval(np.full(5, 100_000.0), codes(), percent=80)
    assert low.tolist() == [32_500.0, 55_000.0, 32_500.0, 55_000.0, 32_500.0]
    assert high.tolist() == [190_000.0, 160_000.0, 190_000.0, 160_000.0, 190_000.0]


def test_a_bundle_predicts_the_same_bits_in_another_process_and_folder(bundle, tmp_path):
    bundle.save(tmp_path / "moved here")
    command = [sys.executable, "-c", PREDICT, str(tmp_path / "moved here")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == bundle.predict_normalised(codes()).tobytes().hex()


def test_the_same_bundle_has_the_same_bytes(bundle, tmp_path):
    bundle.save(tmp_path / "one")
    Bundle.load(tmp_path / "one").save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_a_bundle_of_another_contract_is_refused(bundle, tmp_path):
    bundle.save(tmp_path)
    facts = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps(facts | {"contract_version": 99}))
    with pytest.raises(ValueError, match="must be of data contract 2, found 99; train it again"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "encoder.json"])
@pytest.mark.parametrize("kind", ["nothing", "a folder", "a pipe", "a device"])
def test_what_is_no_file_is_refused_and_not_read(bundle, tmp_path, name, kind):
    bundle.save(tmp_path)
    (tmp_path / name).unlink()
    if kind == "a folder":
        (tmp_path / name).mkdir()
    elif kind == "a pipe":
        os.mkfifo(tmp_path / name)
    elif kind == "a device":
        (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=f"must hold {re.escape(name)}, found none; train it with dvc repro"):
        Bundle.load(tmp_path)


def test_links_to_the_files_are_followed(bundle, tmp_path):
    bundle.save(tmp_path / "cache")
    (tmp_path / "model").mkdir()
    for file in (tmp_path / "cache").iterdir():
        (tmp_path / "model" / file.name).symlink_to(file)
    assert Bundle.load(tmp_path / "model").encoder == bundle.encoder


def flip(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("name", ["weights.safetensors", "background.safetensors", "encoder.json"])
def test_a_bundle_knows_its_files_by_their_hashes(bundle, tmp_path, name):
    bundle.save(tmp_path)
    (tmp_path / name).write_bytes(flip((tmp_path / name).read_bytes()))
    with pytest.raises(ValueError, match=r"with the SHA-256 .{12}… that bundle.json records; found .{12}…; train it"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(("old", "new"), [('"offset": 50000.0', '"offset": 50001.0'), ('"torch"', '"torsh"')])
def test_a_bundle_knows_its_own_facts_by_their_hash(bundle, tmp_path, old, new):
    bundle.save(tmp_path)
    text = (tmp_path / "bundle.json").read_text()
    (tmp_path / "bundle.json").write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=r"bundle\.json must be as train wrote it, with the SHA-256 .{12}…"):
        Bundle.load(tmp_path)


def test_other_blanks_and_another_order_of_keys_leave_the_hash(bundle, tmp_path):
    bundle.save(tmp_path)
    facts = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps(dict(reversed(facts.items()))))
    assert Bundle.load(tmp_path).intervals == bundle.intervals


def weights(change):
    """A change of the first weight."""

    def changed(content):
        tensors = safetensors.numpy.load(content)
        name = min(tensors)
        tensors[name] = change(tensors[name])
        return safetensors.numpy.save(tensors)

    return changed


def facts(change):
    """A change of the facts in a JSON file."""

    def changed(content):
        found = json.loads(content)
        change(found)
        return json.dumps(found).encode()

    return changed


BFLOAT16 = b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'  # the header of a file with one such number
DAMAGED = {
    "weights cut short": ("weights.safetensors", lambda content: content[:-1], "SafetensorError"),
    "no weights": ("weights.safetensors", lambda _: b"", "SafetensorError"),
    "weights without end": ("weights.safetensors", lambda content: content * 99, "must have at most .* bytes, found"),
    "weights that are no numbers": (
        "weights.safetensors",
        weights(lambda weight: np.full_like(weight, math.nan)),
        "weights must be finite, found NaN or infinity in",
    ),
    "weights of half precision": (
        "weights.safetensors",
        weights(lambda weight: weight.astype(np.float16)),
        r"must be float32 of shape .* as the recipe implies; found float16 of shape",
    ),
    "weights of a type that numpy has not": (
        "weights.safetensors",
        lambda _: len(BFLOAT16).to_bytes(8, "little") + BFLOAT16 + b"\0\0",
        "must hold numbers of a type that numpy has, found 'BF16'",
    ),
    "weights of another shape": (
        "weights.safetensors",
        weights(lambda weight: weight[None]),
        r"must be float32 of shape .* as the recipe implies; found float32 of shape",
    ),
    "layers of which there are no weights": (
        "bundle.json",
        facts(lambda found: found["recipe"]["network"].update(hidden=[10**18, 10**18])),
        r"must be float32 of shape \[.*1000000000000000000.*\], as the recipe implies; found",
    ),
    "other rows": ("background.safetensors", lambda content: content[:9], "SafetensorError"),
    "no rows": ("background.safetensors", lambda _: safetensors.numpy.save({}), "must hold 1 to 256 rows, found 0"),
    "a column less": (
        "background.safetensors",
        lambda _: safetensors.numpy.save({"work_year": np.zeros(3, np.int16)}),
        r"must be int16 of shape \[3\], as the recipe implies; found no such tensor",
    ),
    "codes that there are not": (
        "background.safetensors",
        lambda content: safetensors.numpy.save(
            {name: codes + 7 for name, codes in safetensors.numpy.load(content).items()}
        ),
        "must hold codes from 0 to 2, found 7",
    ),
    "no JSON": ("bundle.json", lambda content: content[:-9], r"bundle\.json must be JSON, found"),
    "no UTF-8": ("encoder.json", lambda content: b"\xff" + content, r"encoder\.json must be JSON, found 'utf-8' codec"),
    "a list": ("bundle.json", lambda _: b"[]", r"bundle\.json: Input should be an object; found \[\]"),
    "a key less": (
        "bundle.json",
        facts(lambda found: found.pop("intervals")),
        r"bundle\.json: intervals: Field required; found only contract_version, recipe",
    ),
    "an old word and its new one": (
        "bundle.json",
        facts(lambda found: found.update(promise="none")),
        "promise: no such setting; train",
    ),
    "a value more": (
        "encoder.json",
        facts(lambda found: found["vocabularies"]["experience_level"].append("EX")),
        "intervals.shares must be 4, one for each code of experience_level; found 3",
    ),
    "a wrong setting": (
        "bundle.json",
        lambda content: content.replace(b'"each"', b'"all"'),
        "recipe.equal_rows: Input should be",
    ),
    "another loss than there ever was": (
        "bundle.json",
        lambda content: content.replace(b'"recipe": {', b'"recipe": {"loss": "mae",'),
        "recipe.loss: no such setting; train",
    ),
    "a feature of another table": (
        "bundle.json",
        lambda content: content.replace(f'"{FEATURES[0]}"'.encode(), b'"floor"'),
        'recipe.features.0 must be a feature of the data contract, one of .*; found "floor"',
    ),
}


@pytest.mark.parametrize("bundle", KINDS, indirect=True)
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_forged_bundle_is_refused_with_what_is_wrong(bundle, tmp_path, damage):
    name, change, message = DAMAGED[damage]
    bundle.save(tmp_path)
    (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    with_new_hashes(tmp_path)
    with pytest.raises(ValueError, match=message) as caught:
        Bundle.load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert str(caught.value).endswith(FIX)
