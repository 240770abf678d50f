import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.data.schema import VERSION
from pipeline.model.bundle_fields import FILES, check_hash, hashes_of, parse
from tests.support.recipes import make_recipe

PATH = Path("model/bundle.json")
FACTS: dict[str, Any] = {
    "contract_version": VERSION,
    "recipe": make_recipe().model_dump(mode="json"),
    "intervals": {"shares": [0.3, 0.2], "offset": 5e4, "quantiles": {"80": [1.5, 2.0], "95": [2.0, None]}},
    "kept_epoch": 7,
    "reproducibility": "the same bytes on any x86-64 CPU",
    "packages": {"torch": "2.13.0"},
    "data": {"train.parquet": "0" * 64},
}
FACTS["sha256"] = hashes_of({name: b"" for name in FILES if name != "bundle.json"}, FACTS)


def facts(*keys, value):
    """The facts, with this value under the keys."""
    copy = owner = json.loads(json.dumps(FACTS))
    for key in keys[:-1]:
        owner = owner[key]
    owner[keys[-1]] = value
    return copy


def test_all_facts_are_typed():
    fields = parse(FACTS, path=PATH)
    assert fields.recipe == make_recipe()
    assert fields.intervals.quantiles == {"80": (1.5, 2.0), "95": (2.0, None)}
    assert (fields.kept_epoch, fields.packages) == (7, {"torch": "2.13.0"})
    assert fields.sha256 == FACTS["sha256"]


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("intervals.shares", [0.3, -0.2], "intervals.shares.1: Input should be greater than 0; found -0.2"),
        ("intervals.shares", [0.3, 1e31], r"intervals.shares.1: Input should be less than or equal to 1000"),
        ("intervals.offset", -1.0, "intervals.offset: Input should be greater than or equal to 0; found -1.0"),
        ("intervals.offset", 1e9, "intervals.offset: Input should be less than or equal to 10000000"),
        ("intervals.quantiles", {"95": [1.0, 1.0]}, "intervals: quantiles must be of 80 and 95 percent; found 95"),
        ("intervals.quantiles.80", [1e200, 2.0], "intervals.quantiles.80.0: Input should be less than"),
        ("intervals.quantiles.80", [1.0], "intervals.quantiles.80.1: Field required"),
        ("intervals.quantiles.80", [3.0, 2.0], "intervals: quantiles must not fall as the percent rises; found"),
        ("intervals.quantiles.80", [None, 2.0], "intervals: quantiles must not fall as the percent rises; found"),
        ("recipe.network.hidden", [16, 0], "recipe.network.hidden.1: Input should be greater than or equal to 1"),
        ("recipe.seed", 2**63, "recipe.seed: Input should be less than"),
        ("contract_version", True, f"the bundle must be of data contract {VERSION}, found true"),
        ("kept_epoch", None, "kept_epoch: Input should be a valid integer; found null"),
        ("reproducibility", "x" * 201, "reproducibility: String should have at most 200 characters"),
        ("data", {"train.parquet": "0"}, "data.train.parquet: String should match pattern"),
        ("sha256", None, "sha256: Input should be an object; found null"),
        ("sha256", {}, "sha256: must name weights.safetensors, .*, bundle.json; found "),
        ("trained", "yes", "trained: no such setting$"),
    ],
)
def test_a_fact_that_train_does_not_write_is_refused(keys, value, message):
    with pytest.raises(ValueError, match=rf"^model/bundle\.json: {message}"):
        parse(facts(*keys.split("."), value=value), path=PATH)


def test_many_wrong_values_make_a_short_message():
    with pytest.raises(ValueError, match=r"and 49980 more$") as caught:
        parse(facts("intervals", "shares", value=[-1.0] * 50_000), path=PATH)
    assert len(str(caught.value).splitlines()) == 21


def test_the_hash_of_the_facts_is_of_their_values_and_not_of_itself():
    hashes = hashes_of({"encoder.json": b"{}"}, FACTS)
    assert hashes == hashes_of({"encoder.json": b"{}"}, dict(reversed(FACTS.items())) | {"sha256": hashes})
    other = hashes_of({"encoder.json": b"{ }"}, FACTS | {"kept_epoch": 8})
    assert {name for name in hashes if hashes[name] != other[name]} == {"encoder.json", "bundle.json"}


def test_a_file_with_another_hash_is_refused():
    hashes = hashes_of(dict.fromkeys(FILES, b"abc"), FACTS)
    check_hash(b"abc", hashes, path=Path("model/encoder.json"))
    with pytest.raises(ValueError, match=r"^model/encoder\.json must be .* with the SHA-256 ba7816bf8f01…"):
        check_hash(b"abd", hashes, path=Path("model/encoder.json"))
