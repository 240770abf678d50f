import json
import math

import pytest

from pipeline.data.encoder_fields import SMALLEST_SCALE, check_version, natural_order
from pipeline.data.encoding import Encoder, Scaling, fit
from pipeline.data.schema import FEATURES, LARGEST, VERSION
from tests.data.test_encoding import counts_of
from tests.support.tables import rows

FITTED = json.loads(fit(counts_of(rows(60)), min_count=1, target="standard").to_json())


def read(*keys, value):
    """The encoder, with this value under the keys."""
    facts = owner = json.loads(json.dumps(FITTED))
    for key in keys[:-1]:
        owner = owner[key]
    owner[keys[-1]] = value
    return Encoder.from_json(json.dumps(facts), where="encoder.json")


@pytest.mark.parametrize(
    ("kind", "center", "scale"),
    [
        ("standard", 1.0, 1.0),
        ("minmax", float(LARGEST), LARGEST - 1.0),
        ("log1p", math.log1p(LARGEST), SMALLEST_SCALE),
    ],
)
def test_scalings_of_all_targets_that_the_contract_allows_are_read(kind, center, scale):
    scaling = {"kind": kind, "center": center, "scale": scale}
    assert read("scaling", value=scaling).scaling == Scaling(kind, center, scale)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("scaling.kind", "log2", "scaling.kind: Input should be 'standard', 'minmax' or 'log1p'; found \"log2\""),
        ("scaling.center", "1", "scaling.center: Input should be a valid number"),
        ("scaling.center", 1e308, r"scaling: center must be from 1 to 1e\+07, as the targets are; found 1e\+308"),
        ("scaling.scale", 0.0, "scaling.scale: Input should be greater than or equal to 0.0+1; found 0.0"),
        ("scaling.scale", -5e4, "scaling.scale: Input should be greater"),
        ("scaling.scale", 1e8, r"scaling: scale must be at most 1e\+07, as targets differ; found 1e\+08"),
        ("scaling.mode", 1, "scaling.mode: no such setting; found 1"),
        ("vocabularies.floor", [1], "vocabularies must be of the features work_year, .*; found work_year, .*"),
        ("vocabularies.work_year", [2023, 2022], r"vocabularies.work_year must be sorted.*; found \[2023, 2022\]"),
        ("vocabularies.work_year", [2022, 2022], r"vocabularies.work_year must be sorted.*; found \[2022, 2022\]"),
        ("vocabularies.work_year", [2022, True], "vocabularies.work_year must hold values .* allows; found true"),
        ("vocabularies.work_year", ["2022"], 'vocabularies.work_year must hold values .* allows; found "2022"'),
        ("vocabularies.work_year", [1999], "vocabularies.work_year must hold values .* allows; found 1999"),
        ("vocabularies.work_year", "2022", "vocabularies.work_year: Input should be a valid array"),
        ("vocabularies.company_size", ["M", "S"], "vocabularies.company_size must be sorted"),
        ("vocabularies.company_size", ["XL"], 'vocabularies.company_size must hold values .* allows; found "XL"'),
        (
            "vocabularies.company_location",
            ["us"],
            'vocabularies.company_location must hold values .* allows; found "us"',
        ),
        (
            "vocabularies.job_title",
            [f"{n:05}" for n in range(2**15)],
            "vocabularies.job_title: must have 32767 or fewer",
        ),
        ("words", ["lead", "data"], "words must be sorted, and name each value once"),
        ("words", ["Lead"], 'words must be single words in lower case; found "Lead"'),
    ],
)
def test_an_encoder_that_no_fit_writes_is_refused(keys, value, message):
    with pytest.raises(ValueError, match=rf"^encoder\.json: {message}"):
        read(*keys.split("."), value=value)


def test_an_encoder_that_no_fit_writes_is_refused_before_training(tmp_path):
    (tmp_path / "encoder.json").write_text("[]")
    with pytest.raises(ValueError, match=r"encoder\.json: Input should be an object; found \[\]; .*; run dvc repro$"):
        Encoder.read(tmp_path / "encoder.json")


@pytest.mark.parametrize("found", [0, True, VERSION + 1, str(VERSION), None, [VERSION]])
def test_another_version_of_the_contract_is_named_before_all_else(found):
    with pytest.raises(ValueError, match=rf"^a\.json must be of data contract {VERSION}, found "):
        check_version({"contract_version": found, "scaling": None}, where="a.json")


def test_the_order_of_a_column_is_the_contracts_or_the_values_own():
    assert sorted(["L", "S", "M"], key=natural_order("company_size")) == ["S", "M", "L"]
    assert set(FITTED["vocabularies"]) == set(FEATURES)
    for name, values in FITTED["vocabularies"].items():
        assert values == sorted(values, key=natural_order(name))
