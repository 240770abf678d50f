import ast
import json
import re

import pytest

from pipeline import explain, gc, params, prepare, sample
from pipeline.params import Data, Evaluate, Optimizer, Prepare, Recipe, Train, load, parse, recipe_names
from tests.support.code import MODULES
from tests.support.recipes import COURSE, OPTIMIZER
from tests.support.settings import all_settings, write_settings
from tests.support.work_tree import ROOT

PREPARE = """
prepare:
  max_bad_fraction: 1e-3
  split:
    salt: salaries
    valid_fraction: 0.15
    test_fraction: 0.15
  min_count: 3
  target: standard

"""
YAML = re.sub(r"(?ms)^prepare:.*?(?=^train:)", PREPARE, (ROOT / "params.yaml").read_text(encoding="utf-8"))
YAML = re.sub(r"(?m)^(  path:) .*$", r"\1 data/raw/salaries.csv", YAML)  # a fork has a table and a source of its own
YAML = re.sub(r"(?m)^(  source:).*$", r"\1", YAML)


@pytest.fixture
def write(tmp_path):
    """A writer of a params file; returns its path."""

    def write(text):
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1e-3", "1", "prepare.max_bad_fraction: Input should be less than 1; found 1"),
        ("1e-3", "-0.1", "prepare.max_bad_fraction: Input should be greater than or equal to 0; found -0.1"),
        ("1e-3", ".nan", "prepare.max_bad_fraction: Input should be a finite number; found NaN"),
        ("1e-3", "'0.1'", 'prepare.max_bad_fraction: Input should be a valid number; found "0.1"'),
        ("1e-3", "yes", 'prepare.max_bad_fraction: Input should be a valid number; found "yes"'),
        ("1e-3", "null", "prepare.max_bad_fraction: Input should be a valid number; found null"),
        ("salt: salaries", "salt: ''", "prepare.split.salt: must be 1 to 64 letters, .* such as v1; found ''"),
        ("salt: salaries", "salt: 7", "prepare.split.salt: Input should be a valid string; found 7"),
        (
            "salt: salaries",
            "salt: 2023-01-31",
            'prepare.split.salt: .* string; found {"date": "2023-01-31"}; put it in quotes',
        ),
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
        ("min_count: 3", "min_count: 3\n  typo: 1", "prepare.typo: no such setting; found 1"),
        ("    salt: salaries\n", "", "prepare.split.salt: Field required; found only valid_fraction, test_fraction"),
    ],
)
def test_a_wrong_value_names_its_path_the_rule_and_what_was_found(write, old, new, message):
    assert old in YAML
    with pytest.raises(ValueError, match=r"params.yaml: (prepare.)?" + message):
        load(Prepare, "prepare", file=write(YAML.replace(old, new)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"kind": "mlp", "hidden": [0]}}, "test.network.hidden.0: .* greater than or equal to 1; found 0"),
        ({"network": {"kind": "mlp"}}, "test.network.hidden: Field required; found only kind"),
        ({"network": {"kind": "cnn"}}, "test.network: kind should be one of 'mlp', 'embedding'; found \"cnn\"$"),
        ({"features": []}, r"test.features: must not be empty; found \[\]; give it 1 or more$"),
        ({"features": [7]}, "test.features.0: Input should be a valid string; found 7"),
        (
            {"features": ["work_year", "work_year"]},
            "test.features: each feature must be named once; found work_year 2 times: delete all but one$",
        ),
        ({"loss": "mse"}, "test.loss: no such setting"),
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
        (
            {"engine": "compiled", "device": "auto"},
            "test: engine: compiled needs device: cpu; found device: ",
        ),
        (
            {"engine": "compiled", "device": "cuda"},
            "test: engine: compiled needs device: cpu; found device: ",
        ),
        ({"shards": 3}, "test.shards: Input should be 2, 4, 8, 16, 32 or 64; found 3"),
        *(
            ({"shards": 8, "batch_size": 8} | settings, "test: shards: 8 needs engine: eager and device: cpu; found ")
            for settings in ({"engine": "compiled"}, {"device": "auto"}, {"device": "cuda"})
        ),
        ({"shards": 8, "batch_size": 7}, "test: shards: 8 needs as many rows in a batch, or more; found batch_size: 7"),
        ({"epochs": 1e3}, "test.epochs: Input should be a valid integer; found 1000.0; write 1000$"),
        ({"epochs": "many"}, 'test.epochs: Input should be a valid integer; found "many"; write a whole number$'),
        ({"features": "age"}, r'test.features: Input should be .*; found "age"; write a list, such as \[a, b\]$'),
        ({"optimizer": 3}, "test.optimizer: Input should be an object; found 3; write its settings below it, each on"),
        ({"network": {"hidden": [1]}}, "test.network: 'kind' must be among its settings; found .*; add it$"),
        (
            {"optimizer": OPTIMIZER | {"betas": [0.8, 0.9, 0.99]}},
            r"test.optimizer.betas: must have 2 or fewer; found \[0.8, 0.9, 0.99\]; leave the others out$",
        ),
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


def test_the_recipes_are_named_in_the_files_order(tmp_path):
    file = write_settings(tmp_path, recipes=dict.fromkeys(["mine", "a-2_b", "Full"], COURSE))
    assert recipe_names(file) == ("mine", "a-2_b", "Full")


@pytest.mark.parametrize(
    ("recipes", "message"),
    [
        ({"a/b": COURSE}, "recipes.a/b: a recipe's name must be a letter, then letters, .*; found 'a/b'"),
        ({"2": COURSE}, "recipes.2: a recipe's name must be a letter, .*; found '2'"),
        ({"prepare": COURSE}, "recipes.prepare: a recipe's name must be .* and not prepare; found 'prepare'"),
        (
            {"Mine": COURSE, "full": COURSE, "mine": COURSE},
            "recipes: recipes' names must differ in more than capitals, .*; found Mine and mine: rename one",
        ),
        (["course"], 'recipes: Input should be an object; found \\["course"\\]'),
    ],
)
def test_a_recipe_without_a_name_that_a_file_can_have_is_refused(write, recipes, message):
    settings = all_settings() | {"recipes": recipes}
    with pytest.raises(ValueError, match=rf"params.yaml: {message}"):
        load(Data, "data", file=write(json.dumps(settings)))


def test_there_is_a_recipe(write):
    with pytest.raises(ValueError, match=r"params.yaml: recipes: must not be empty; found {}; give it 1 or more$"):
        load(Data, "data", file=write(json.dumps(all_settings() | {"recipes": {}})))


MISTAKES = {
    "a key": ("  tries: 3", "  trys: 3", "nightly.trys: no such setting; found 3; did you mean tries?"),
    "a section": ("train:", "training:", "training: no such setting; found {.*}; did you mean train?"),
    "a section too many": ("train:", "mine: 1\ntrain:", "mine: no such setting; found 1"),
    "the night's recipe": (
        "recipe: full",
        "recipe: ful",
        "nightly.recipe must be the name of a recipe, one of course, full; found ful; did you mean full?",
    ),
    "a word": (
        "schedule: constant",
        "schedule: onecycle",
        'recipes.course.optimizer.schedule: Input should be .*; found "onecycle"; did you mean one_cycle?',
    ),
    "yes": (
        "record_kept: true",
        "record_kept: yes",
        'nightly.record_kept: Input should be a valid boolean; found "yes"; write true or false',
    ),
    "a feature twice": (
        "    - experience_level\n",
        "    - company_size\n",
        "recipes.course.features: each feature must be named once; found company_size 2 times: delete all but one",
    ),
    "a URL with a password": (
        "path: data/raw/salaries.csv",
        "path: https://me:s3cret@example.org/a.csv",
        "data.path: the URL of a raw table must begin with s3://, gs://, https:// or http:// and have no password, ? or"
        " #; found https://***@example.org/a.csv; what opens it belongs into the environment, or dvc get-url brings the"
        " table here",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_whatever_is_read_all_of_the_file_is_checked_and_one_message_says_what_is_wrong(write, mistake):
    old, new, message = MISTAKES[mistake]
    assert old in YAML
    file = write(YAML.replace(old, new, 1))
    with pytest.raises(ValueError, match=re.escape(str(file))) as caught:
        load(Evaluate, "evaluate", file=file)
    assert re.fullmatch(re.escape(f"{file}: {message}").replace(r"\.\*", ".*"), str(caught.value))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("command:", "command: curl -H 't0ken-of-mine'"),
        ("notify:", "notifi: {command: [curl, t0ken-of-mine]}\n  notify:"),
        ("webhook:", "webhook: [https://a.example/t0ken-of-mine]"),
        ("source:", "sauce: https://me:t0ken@a.example/x?t0ken-of-mine"),
        ("source:", "source: https://a.example/x?t0ken-of-mine\n  source: https://me:t0ken-of-mine@a.example/x"),
        ("path: data/raw/salaries.csv", "path: https://me:t0ken-of-mine@a.example/x"),
        ("source:", "source:\n  sorce: https://me:my t0ken-of-mine@a.example/x"),
        ("source:", "source: [https://me:my t0ken-of-mine@a.example/x]"),
        ("source:", "source:\n  token: t0ken-of-mine"),
        ("recipe: full", "recipe: https://me:my t0ken-of-mine@a.example/x"),
    ],
)
def test_a_password_in_a_wrong_setting_is_not_shown(write, old, new):
    assert old in YAML
    with pytest.raises(ValueError, match=r"params.yaml") as caught:
        load(Evaluate, "evaluate", file=write(YAML.replace(old, new, 1)))
    assert "0ken" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_bias_share: 0.05", "max_bias_share: 0", r"max_bias_share: Input should be greater than 0; found 0"),
        ("max_bias_share: 0.05", "max_bias_share: 5", r"max_bias_share: .* less than or equal to 1; found 5"),
        ("max_error_ratio: 1.25", "max_error_ratio: 0.9", r"max_error_ratio: .* greater than or equal to 1; found 0.9"),
        ("    max_error_ratio: 1.25\n", "", r"max_error_ratio: Field required; found only max_bias_share"),
    ],
)
def test_a_limit_of_fairness_that_no_model_could_keep_or_break_is_refused(write, old, new, message):
    assert old in YAML
    with pytest.raises(ValueError, match=rf"evaluate\.fairness\.{message}"):
        load(Evaluate, "evaluate", file=write(YAML.replace(old, new, 1)))


def test_a_row_is_hidden_only_among_enough_others(write):
    hidden = YAML.replace("single_rows: true", "single_rows: false")
    assert load(Evaluate, "evaluate", file=write(hidden)).least_rows == 30
    assert load(Evaluate, "evaluate", file=write(YAML)).least_rows == 1
    with pytest.raises(
        ValueError, match=r"min_slice_rows must be 10 or more where single_rows is false.*found 9: raise"
    ):
        load(Evaluate, "evaluate", file=write(hidden.replace("min_slice_rows: 30", "min_slice_rows: 9")))
    with pytest.raises(ValueError, match=r"nightly.gate.min_slice_rows must be 10 or more where.*found 9: raise it"):
        load(Evaluate, "evaluate", file=write(hidden.replace("min_slice_rows: 100", "min_slice_rows: 9")))


def test_a_recipe_that_is_misspelt_is_found_among_those_there_are(write):
    with pytest.raises(ValueError, match=r"recipes.ful is missing; found course, full; did you mean full\?"):
        load(Recipe, "recipes", "ful", file=write(YAML))


def test_the_text_is_parsed_once(write, monkeypatch):
    file = write(YAML + f"# {write}")
    load(Train, "train", file=file)
    monkeypatch.delattr("pipeline.runtime.yaml_files.YAML")
    assert recipe_names(file) == ("course", "full")
    assert load(Prepare, "prepare", file=file).min_count == 3


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder that is the project's, for all that `params.check` knows, and the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "__file__", str(tmp_path / "pipeline/params.py"))
    return tmp_path


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (prepare.main, ["--out", "a", "--metrics", "b", "--report", "c"]),
        (explain.main, ["--model", "none", "--row", "{}"]),
        (sample.main, ["--rows", "1", "--seed", "1", "--out", "a.csv"]),
        (gc.main, ["--nights", "1"]),
    ],
)
def test_a_command_checks_settings_that_it_does_not_read_before_it_does_anything(here, main, arguments, capsys):
    write_settings(here, nightlies={})
    with pytest.raises(SystemExit, match="1"):
        main(arguments)
    assert "params.yaml: nightlies: no such setting; found {}" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["params.yaml"]


def test_every_command_checks_them_first():
    """A night does so by itself, a verification reads those of HEAD, versions and completion need none."""
    without = set()
    for name in sorted(name for name in MODULES if "." not in name):
        withs = (node for node in ast.walk(MODULES[name]) if isinstance(node, ast.With))
        first = [ast.unparse(node.body[0]) for node in withs if "command(" in ast.unparse(node.items[0])]
        without |= {name for line in first if not line.startswith("params.check")}
    assert without == {"__main__", "nightly", "verify", "versions"}


def test_a_feature_that_the_contract_lacks_is_found_before_the_first_stage(here):
    recipe = COURSE | {"features": ["company_sise"]}
    write_settings(here, recipes={"mine": recipe})
    params.check()
    message = r'^params.yaml: recipes.mine.features.0 must be .*; found "company_sise"; did you mean company_size\?$'
    with pytest.raises(ValueError, match=message):
        params.check(["company_size", "job_title"])


def test_settings_that_are_missing_in_the_project_are_named_with_the_way_back(here):
    (here / "dvc.yaml").write_text("stages: {}")
    with pytest.raises(ValueError, match=r"^params.yaml is missing: .* git checkout HEAD -- params.yaml$"):
        params.check()


def test_a_folder_without_settings_or_with_those_of_another_project_is_not_checked(here, monkeypatch):
    params.check()
    (here / "params.yaml").write_text("epochs: 3")
    monkeypatch.setattr(params, "__file__", str(here / "installed/pipeline/params.py"))
    params.check()


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://a.example/{sha}", r"in braces but {commit} and {date}; found {sha}: write one of these"),
        ("https://a.example/{commit", r"found {commit: write one of these"),
        ("https://a.example/{{commit}}", r"found {}: write one of these"),
        (
            "a.example/{commit}",
            r"must be an address that begins with https:// or http://, without blanks; found another",
        ),
    ],
)
def test_a_link_of_a_night_has_no_other_placeholders_than_those_that_are_known(write, link, found):
    with pytest.raises(ValueError, match=f"nightly.notify.link: .*{re.escape(found)}"):
        load(params.Nightly, "nightly", file=write(YAML.replace("link:", f"link: '{link}'", 1)))


def test_a_form_of_messages_that_is_none_is_told_those_that_are(write):
    match = r"nightly.notify.format: Input should be 'json', .*; did you mean slack\?"
    with pytest.raises(ValueError, match=match):
        load(params.Nightly, "nightly", file=write(YAML.replace("format: json", "format: slak", 1)))
