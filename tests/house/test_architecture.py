"""The contract of the house: arrows point down, and dvc.yaml says exactly what each stage reads."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import versions
from pipeline.training.checkpoint import imported_files

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "runtime": "",
    "versions": "",
    "params": "runtime",
    "data": "runtime params",
    "evaluation": "data",
    "model": "data params",
    "training": "model data evaluation params",
    "inference": "model data",
    "reporting": "data params",
    "repository": "runtime",
    "nights": "repository data model inference evaluation reporting runtime params",
    "backtest": "nights repository data model inference evaluation reporting runtime params",
    "reproduction": "repository runtime params versions",
}
"""Who may import whom. What stands at the top of pipeline/ may import all of these, and is imported by nobody."""
STAGES = ("prepare", "train", "evaluate", "report")
DVC = YAML(typ="safe").load(ROOT / "dvc.yaml")
FILES = {
    ".".join(path.relative_to(ROOT / "pipeline").with_suffix("").parts): path
    for path in sorted((ROOT / "pipeline").rglob("*.py"))
}
MODULES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def imported(module: str) -> set[str]:
    """The project's modules that a module imports."""
    names = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pipeline":
            inside = str(node.module).removeprefix("pipeline").removeprefix(".")
            names |= {inside} if inside in MODULES else {f"{inside}.{alias.name}".strip(".") for alias in node.names}
    return names


def named(module: str) -> set[str]:
    """The dotted names, of packages and of modules in them, that a module imports from."""
    return {
        name
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }


def reachable(module: str) -> set[str]:
    """The module and all it imports, directly or not."""
    found, waiting = {"__init__"}, {module}
    while waiting:
        name = waiting.pop()
        room = name.rpartition(".")[0]
        found |= {name, f"{room}.__init__"} if room else {name}
        waiting |= imported(name) - found
    return found


def stage(name):
    entry = DVC["stages"][name]
    return entry.get("do", entry)


def calls(module: str, function: str) -> list[list[str | None]]:
    """The arguments, where they are literal, of each call of a function such as `params.load`."""
    return [
        [ast.literal_eval(argument) if isinstance(argument, ast.Constant) else None for argument in node.args]
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function
    ]


def declared_params(name: str) -> tuple[set[str], set[str]]:
    """The keys of params.yaml and of versions.json that a stage declares."""
    keys = {entry for entry in stage(name)["params"] if isinstance(entry, str)}
    versions = [entry["versions.json"] for entry in stage(name)["params"] if isinstance(entry, dict)]
    return keys, {package for packages in versions for package in packages}


def room_of(module: str) -> str:
    """The package that a module is in, or the module itself if it stands at the top."""
    return module.split(".")[0]


def test_every_package_is_in_the_table_and_no_other():
    assert {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")} == MAY_IMPORT.keys() - {
        "params",
        "versions",
    }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_its_package_may(module):
    room = room_of(module)
    allowed = {room, *MAY_IMPORT[room].split()} if room in MAY_IMPORT else MAY_IMPORT.keys()
    assert {room_of(other) for other in imported(module)} <= allowed


def test_no_modules_import_each_other_in_a_circle():
    assert len(list(TopologicalSorter({module: imported(module) for module in MODULES}).static_order())) >= len(MODULES)


@pytest.mark.parametrize("room", ["data", "evaluation"])
def test_a_package_without_a_network_never_reaches_torch(room):
    modules = [module for module in MODULES if room_of(module) == room]
    assert not [module for module in modules if "model.reproducible" in reachable(module)]


@pytest.mark.parametrize("file", sorted((ROOT / "pipeline").glob("**/__init__.py")), ids=lambda file: file.parent.name)
def test_a_package_says_its_responsibility_in_one_sentence_and_holds_nothing_else(file):
    (statement,) = ast.parse(file.read_text(encoding="utf-8")).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert re.fullmatch(r"[A-Z][^.]+\.", str(statement.value.value))


def test_the_top_of_the_pipeline_is_at_most_20_files():
    assert len(list((ROOT / "pipeline").glob("*.py"))) <= 20


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
    packages = {dotted.split(".")[0] for module in reachable(name) for dotted in named(module)}
    assert checked or not packages & set(versions.PACKAGES)


def test_a_checkpoint_is_that_of_exactly_the_code_that_the_train_stage_depends_on():
    code = {dep for dep in stage("train")["deps"] if dep.startswith("pipeline/")}
    assert imported_files(FILES["train"]) == {name: ROOT / name for name in code}


def test_training_is_not_given_the_test_rows():
    assert not [dep for dep in stage("train")["deps"] if "test" in dep or dep == "data/prepared"]


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"model.reproducible"}))
def test_torch_comes_from_one_place_only(module):
    names = named(module)
    assert not [name for name in names if name.split(".")[0] == "torch" or name in ("safetensors", "safetensors.torch")]


@pytest.mark.parametrize(
    "module", ["prepare", "sample", "results", "nights.retention", "rollback", "verify", "verify_cpus"]
)
def test_a_module_without_a_network_starts_without_torch(module):
    code = f"import sys, pipeline.{module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


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
