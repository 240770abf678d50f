from typing import Annotated, Literal

import pytest
from pydantic import Field

from pipeline.runtime.sections import Section, load, parse

YAML = """
oven:
  share: 1e-3
  heat:
    kind: gas
    flames: 3
shelf:
  deep:
    width: 3
"""


class Gas(Section):
    kind: Literal["gas"]
    flames: Annotated[int, Field(ge=1)]


class Coal(Section):
    kind: Literal["coal"]
    sacks: tuple[int, ...]


class Oven(Section):
    share: Annotated[float, Field(ge=0, lt=1)]
    heat: Annotated[Gas | Coal, Field(discriminator="kind")]


@pytest.fixture
def write(tmp_path):
    """A writer of a settings file; returns its path."""

    def write(text):
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_numbers_are_read_as_yaml_1_2_writes_them(write):
    assert load(Oven, "oven", file=write(YAML)).share == 0.001


def test_a_whole_number_may_stand_for_a_fraction(write):
    assert load(Oven, "oven", file=write(YAML.replace("1e-3", "0"))).share == 0.0


def test_settings_are_frozen(write):
    settings = load(Oven, "oven", file=write(YAML))
    with pytest.raises(ValueError, match="frozen"):
        settings.share = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1e-3", "1", "oven.share: Input should be less than 1; found 1"),
        ("1e-3", "yes", 'oven.share: Input should be a valid number; found "yes"'),
        ("1e-3", ".nan", "oven.share: Input should be a finite number; found NaN"),
        ("1e-3", "2023-01-31", 'oven.share: Input should be a valid number; found {"date": "2023-01-31"}'),
        ("  share: 1e-3\n", "", "oven.share: Field required; found only heat"),
        ("1e-3", "1e-3\n  typo: 1", "oven.typo: no such setting; found 1"),
        ("flames: 3", "flames: 0", "oven.heat.flames: Input should be greater than or equal to 1; found 0"),
        ("kind: gas", "kind: coal", "oven.heat.sacks: Field required; found only kind, flames"),
        ("kind: gas", "kind: wood", "oven.heat: kind should be one of 'gas', 'coal'; found \"wood\"$"),
    ],
)
def test_a_wrong_value_names_its_path_in_the_file_the_rule_and_what_was_found(write, old, new, message):
    assert old in YAML
    with pytest.raises(ValueError, match=r"params.yaml: " + message):
        load(Oven, "oven", file=write(YAML.replace(old, new)))


def test_a_value_in_a_list_is_named_by_its_index():
    with pytest.raises(
        ValueError, match=r'^test\.heat\.sacks\.1: Input should be a valid integer; found "2"; write it without quotes$'
    ):
        parse(Oven, {"share": 0, "heat": {"kind": "coal", "sacks": [1, "2"]}}, where="test")


def test_every_wrong_value_is_named_at_once(write):
    with pytest.raises(ValueError, match=r"share: .*found 2\n.*flames: .*found 0"):
        load(Oven, "oven", file=write(YAML.replace("1e-3", "2").replace("flames: 3", "flames: 0")))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["table"], r"params.yaml: table is missing; found oven, shelf"),
        (["shelf", "high"], r"params.yaml: shelf.high is missing; found deep"),
        (["shelf", "deep", "width", "x"], r"params.yaml: shelf.deep.width.x is missing; found no keys"),
    ],
)
def test_a_missing_section_names_its_path_and_what_stands_there(write, keys, message):
    with pytest.raises(ValueError, match=message):
        load(Section, *keys, file=write(YAML))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "params.yaml must hold settings, found nothing; bring back .*: git checkout HEAD -- params.yaml$"),
        ("# mine", "params.yaml must hold settings, found nothing"),
        ("- oven", "params.yaml: oven is missing; found no keys"),
        ("oven: [", r"params.yaml must be YAML 1.2: .*(?s:.*)line 1"),
        ("a: 1\n\tb: 2", r"params.yaml must be YAML 1.2: .*(?s:.*)line 2"),
        ("oven: 1\noven: 2", 'params.yaml must be YAML 1.2: (?s:.*)duplicate key "oven"'),
        ("oven: 3", "params.yaml: oven: Input should be an object; found 3"),
        ("oven:", "params.yaml: oven: Input should be an object; found null"),
    ],
)
def test_a_broken_file_is_named(write, text, message):
    with pytest.raises(ValueError, match=message):
        load(Oven, "oven", file=write(text))


def test_a_missing_file_is_named(tmp_path):
    message = r"params.yaml is missing: run from the project's folder, or .* git checkout HEAD -- params.yaml$"
    with pytest.raises(ValueError, match=message):
        load(Oven, "oven", file=tmp_path / "params.yaml")
