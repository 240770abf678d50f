from pathlib import Path

import pytest

from pipeline import params
from pipeline.params import Data, Optimizer, Prepare, Recipe, Train, load, parse, recipe_names
from tests.support.recipes import COURSE, OPTIMIZER

YAML = """
prepare:
  max_bad_fraction: 1e-3
  split:
    salt: salaries
    valid_fraction: 0.15
    test_fraction: 0.15
  min_count: 3
  target: standard
"""


@pytest.fixture
def write(tmp_path):
    """A writer of a params file; returns its path."""

    def write(text):
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_projects_own_file_keeps_every_rule():
    file = Path(params.__file__).parents[1] / "params.yaml"
    load(Data, "data", file=file)
    load(Prepare, "prepare", file=file)
    load(Train, "train", file=file)
    for name in ("course", "full"):
        load(Recipe, "recipes", name, file=file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1e-3", "1", "prepare.max_bad_fraction: Input should be less than 1; found 1"),
        ("1e-3", "-0.1", "prepare.max_bad_fraction: Input should be greater than or equal to 0; found -0.1"),
        ("1e-3", ".nan", "prepare.max_bad_fraction: Input should be a finite number; found NaN"),
        ("1e-3", "'0.1'", 'prepare.max_bad_fraction: Input should be a valid number; found "0.1"'),
        ("1e-3", "yes", 'prepare.max_bad_fraction: Input should be a valid number; found "yes"'),
        ("1e-3", "null", "prepare.max_bad_fraction: Input should be a valid number; found null"),
        ("salt: salaries", "salt: ''", r'prepare.split.salt: String should match pattern .*; found ""'),
        ("salt: salaries", "salt: 7", "prepare.split.salt: Input should be a valid string; found 7"),
        ("salt: salaries", "salt: 2023-01-31", "prepare: .*date.*; put dates and the like in quotes"),
        ("valid_fraction: 0.15", "valid_fraction: 0", "prepare.split.valid_fraction: .* greater than 0; found 0"),
        ("test_fraction: 0.15", "test_fraction: 1.5", "prepare.split.test_fraction: .* less than 1; found 1.5"),
        (
            "test_fraction: 0.15",
            "test_fraction: 0.85",
            r"prepare.split: valid_fraction \+ test_fraction must be below 1; f",
        ),
        ("min_count: 3", "min_count: 0", "prepare.min_count: .* greater than or equal to 1; found 0"),
        ("min_count: 3", "min_count: 3.5", "prepare.min_count: Input should be a valid integer.*; found 3.5"),
        ("min_count: 3", "min_count: '3'", 'prepare.min_count: Input should be a valid integer; found "3"'),
        ("min_count: 3", "min_count: true", "prepare.min_count: Input should be a valid integer; found true"),
        ("target: standard", "target: cube", "prepare.target: .*'standard', 'minmax' or 'log1p'; found \"cube\""),
        ("  min_count: 3\n", "", "prepare.min_count: Field required; found only max_bad_fraction, split, target"),
        ("min_count: 3", "min_count: 3\n  typo: 1", "prepare.typo: Extra inputs are not permitted; found 1"),
        ("    salt: salaries\n", "", "prepare.split.salt: Field required; found only valid_fraction, test_fraction"),
    ],
)
def test_a_wrong_value_names_its_path_the_rule_and_what_was_found(write, old, new, message):
    assert old in YAML
    with pytest.raises(ValueError, match=r"params.yaml: " + message):
        load(Prepare, "prepare", file=write(YAML.replace(old, new)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"kind": "mlp", "hidden": [0]}}, "test.network.hidden.0: .* greater than or equal to 1; found 0"),
        ({"network": {"kind": "mlp"}}, "test.network.hidden: Field required; found only kind"),
        ({"network": {"kind": "cnn"}}, "test.network: Input tag 'cnn' .* expected tags: 'mlp', 'embedding'; found"),
        ({"features": []}, "test.features: .* at least 1 item.*; found "),
        ({"features": [7]}, "test.features.0: Input should be a valid string; found 7"),
        ({"features": ["work_year", "work_year"]}, "test: features must name each feature once; found"),
        ({"loss": "mse"}, 'test.loss: Extra inputs are not permitted; found "mse"'),
        ({"optimizer": {}}, "test.optimizer.learning_rate: Field required; found only nothing"),
        *(
            ({"optimizer": OPTIMIZER | {key: value}}, rf"test\.optimizer\.{key}.*: Input should be .*; found ")
            for key, value in [
                ("learning_rate", 0),
                ("learning_rate", 1.1),
                ("weight_decay", -0.1),
                ("weight_decay", 11),
                ("betas", [0.9, 1.0]),
                ("betas", [-0.1, 0.9]),
                ("betas", 0.9),
                ("schedule", "linear"),
                ("clip_norm", 0),
                ("clip_norm", "1"),
                ("ema_decay", 0),
                ("ema_decay", 1),
            ]
        ),
        ({"optimizer": OPTIMIZER | {"betas": [0.9]}}, "test.optimizer.betas.1: Field required; found "),
        ({"equal_rows": "twice"}, "test.equal_rows: Input should be 'each' or 'once'; found \"twice\""),
        ({"engine": "fast"}, "test.engine: Input should be 'eager' or 'compiled'; found \"fast\""),
        ({"device": "gpu"}, "test.device: Input should be 'auto', 'cpu' or 'cuda'; found \"gpu\""),
        ({"threads": 0}, "test.threads: .* greater than or equal to 1; found 0"),
        ({"threads": 1025}, "test.threads: .* less than or equal to 1024; found 1025"),
        ({"engine": "compiled", "device": "auto"}, "test: engine: compiled needs device: cpu; found"),
        ({"engine": "compiled", "device": "cuda"}, "test: engine: compiled needs device: cpu; found"),
        ({"batch_size": 0}, "test.batch_size: .* greater than or equal to 1; found 0"),
        ({"patience": 0}, "test.patience: .* greater than or equal to 1; found 0"),
        ({"keep": "first"}, "test.keep: Input should be 'best' or 'last'; found \"first\""),
        ({"seed": -1}, "test.seed: .* greater than or equal to 0; found -1"),
    ],
)
def test_a_wrong_recipe_names_its_path_the_rule_and_what_was_found(changes, message):
    with pytest.raises(ValueError, match=message):
        parse(Recipe, COURSE | changes, where="test")


def test_no_setting_has_a_default():
    for section, settings in ((Recipe, COURSE), (Optimizer, OPTIMIZER), (Train, {"checkpoint_every_seconds": 0})):
        parse(section, settings, where="test")
        for key in settings:
            without = {name: value for name, value in settings.items() if name != key}
            with pytest.raises(ValueError, match=rf"test\.{key}: Field required"):
                parse(section, without, where="test")


@pytest.mark.parametrize(("seconds", "found"), [(-1, "-1"), ("30", '"30"'), (None, "null")])
def test_the_time_between_checkpoints_is_not_negative(seconds, found):
    with pytest.raises(ValueError, match=rf"test\.checkpoint_every_seconds: Input should be .*; found {found}"):
        parse(Train, {"checkpoint_every_seconds": seconds}, where="test")


def test_the_recipes_are_named_in_the_files_order(write):
    assert recipe_names(write("recipes: {mine: {}, a-2_b: {}, Full: {}}")) == ("mine", "a-2_b", "Full")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "recipes must name one recipe or more, found None"),
        ("- recipes", "recipes must name one recipe or more, found None"),
        ("recipes: {}", "recipes must name one recipe or more, found {}"),
        ("recipes: [course]", r"recipes must name one recipe or more, found \['course'\]"),
        ("recipes: {a/b: {}}", "a recipe's name must be a letter, then letters, digits, _ and -, found 'a/b'"),
        ("recipes: {2: {}}", "a recipe's name must be a letter, .*, found 2"),
        ("recipes: {prepare: {}}", "a recipe's name must be a letter, .*, found 'prepare'"),
    ],
)
def test_a_recipe_without_a_name_that_a_file_can_have_is_refused(write, text, found):
    with pytest.raises(ValueError, match=rf"params.yaml: {found}"):
        recipe_names(write(text))
