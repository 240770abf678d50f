"""The contract of the house: who imports whom, and dvc.yaml says exactly what each stage reads."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest
from ruamel.yaml import YAML

from pipeline import versions
from pipeline.training.checkpoint import imported_files
from tests.support.code import FILES, MODULES, calls, imported_by, named_by, package_of, reachable
from tests.support.work_tree import ROOT

MAY_IMPORT = {
    "runtime": "",
    "versions": "runtime",
    "settings": "runtime",
    "params": "settings runtime",
    "data": "runtime params",
    "evaluation": "data",
    "model": "data runtime params",
    "training": "model data runtime params",
    "inference": "model data runtime",
    "reporting": "data params runtime",
    "repository": "runtime",
    "nights": "repository data model inference evaluation reporting runtime params",
    "backtest": "nights repository data model evaluation reporting runtime params",
    "reproduction": "repository runtime params versions",
}
"""Who may import whom. What stands at the top of pipeline/ may import all of these, and is imported by nobody."""
RUNS_STAGES = {"tune": {"prepare", "train"}}
"""But a command that runs stages by the hundred, in one process, imports them."""
TOP = {name for name in MODULES if "." not in name}
PACKAGES = {package_of(name) for name in MODULES} - TOP
STAGES = ("prepare", "train", "evaluate", "report")
TRAINS = {"train", "tune"}
TRANSLATED = {"inference.onnx_network", "inference.onnx_model"}  # torch writes the network as ONNX
DVC = YAML(typ="safe").load(ROOT / "dvc.yaml")


def stage(name):
    entry = DVC["stages"][name]
    return entry.get("do", entry)


def declared_params(name: str) -> tuple[set[str], set[str]]:
    """The keys of params.yaml and of versions.json that a stage declares."""
    keys = {entry for entry in stage(name)["params"] if isinstance(entry, str)}
    versions = [entry["versions.json"] for entry in stage(name)["params"] if isinstance(entry, dict)]
    return keys, {package for packages in versions for package in packages}


def test_the_table_names_every_package_and_no_other():
    assert MAY_IMPORT.keys() == PACKAGES | {"params", "versions"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_its_package_may(module):
    package = package_of(module)
    allowed = {package, *MAY_IMPORT[package].split()} if package in MAY_IMPORT else MAY_IMPORT.keys()
    allowed |= RUNS_STAGES.get(module, set())
    assert {package_of(other) for other in imported_by(MODULES[module])} <= allowed


@pytest.mark.parametrize("module", sorted(MODULES))
def test_what_is_run_is_imported_by_nobody(module):
    assert imported_by(MODULES[module]) & TOP <= {"params", "versions"} | RUNS_STAGES.get(module, set())


def test_no_modules_import_each_other_in_a_circle():
    order = TopologicalSorter({module: imported_by(MODULES[module]) for module in MODULES}).static_order()
    assert set(order) == MODULES.keys()


@pytest.mark.parametrize("package", ["data", "evaluation", "inference", "nights", "reporting", "backtest"])
def test_a_package_that_trains_nothing_never_reaches_torch(package):
    modules = {module for module in MODULES if package_of(module) == package} - TRANSLATED
    assert not [module for module in modules if "model.reproducible" in reachable(module)]


def test_what_trains_nothing_starts_without_torch():
    code = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(f'pipeline.{name}')\n"
    code += "    assert 'torch' not in sys.modules, name"
    modules = sorted(TOP - TRAINS)
    done = subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("command", ["gc", "rollback", "predict", "train"])
def test_a_command_that_makes_no_frame_starts_without_pandas(command):
    code = f"import pipeline.{command}, sys\nassert 'pandas' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"model.reproducible"}))
def test_torch_comes_from_one_place_only(module):
    names = named_by(MODULES[module])
    assert not [name for name in names if name.split(".")[0] == "torch" or name == "safetensors.torch"]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_says_its_responsibility_in_one_sentence_and_holds_nothing_else(package):
    (statement,) = MODULES[f"{package}.__init__"].body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert re.fullmatch(r"[A-Z][^.]+\.", str(statement.value.value))


def test_the_top_of_the_pipeline_is_at_most_20_files():
    assert len(TOP) <= 20


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_code_it_imports(name):
    code = {dep for dep in stage(name)["deps"] if dep.startswith("pipeline/")}
    assert code == {str(FILES[module].relative_to(ROOT)) for module in reachable(name)}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_exactly_the_settings_it_reads(name):
    read = {".".join(key or "${key}" for key in keys) for _, *keys in calls(name, "params.load")}
    if calls(name, "params.recipe_names"):  # then its loads run over all recipes
        read = {"recipes" if key == "recipes.${key}" else key for key in read}
    declared, _ = declared_params(name)
    assert {"data" if key == "data.path" else key for key in declared} == read


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_versions_it_checks(name):
    checked = {package for call in calls(name, "versions.check") for package in call}
    assert declared_params(name)[1] == checked
    packages = {dotted.split(".")[0] for module in reachable(name) for dotted in named_by(MODULES[module])}
    assert checked or not packages & set(versions.PACKAGES)


def test_a_checkpoint_is_that_of_exactly_the_code_that_the_train_stage_depends_on():
    code = {dep for dep in stage("train")["deps"] if dep.startswith("pipeline/")}
    assert imported_files(FILES["train"]) == {name: ROOT / name for name in code}


def test_training_is_not_given_the_test_rows():
    assert not [dep for dep in stage("train")["deps"] if "test" in dep or dep == "data/prepared"]


def test_yaml_is_read_by_one_module_only():
    reads = r"(?i)\byaml(\(.*\))?\.load\("  # yaml.load(text), YAML(typ="safe").load(file)
    assert [module for module, tree in MODULES.items() if re.search(reads, ast.unparse(tree))] == ["runtime.yaml_files"]


def test_no_shell_gets_what_a_setting_says():
    """DVC puts settings into a command as they are, quotes and all."""
    assert not [name for name in DVC["stages"] if "${" in stage(name)["cmd"]]


def test_no_module_pickles_evaluates_or_shells_out():
    for module, tree in MODULES.items():
        plain = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
        forbidden = {"pickle", "shelve"} | ({"subprocess"} if module != "runtime.processes" else set())
        assert not {alias.name for node in plain for alias in node.names} & forbidden, module
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "shell"], module
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {"eval", "exec", "os.system", "pickle.load", "pickle.dump", "torch.load", "torch.save"}, (
            module
        )
