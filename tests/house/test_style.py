"""How the code is cut: short functions and files, and the tests of each module where one looks for them."""

import ast
from statistics import median

import pytest

from tests.support.code import FILES, MODULES, files_of, functions, imported_by, lines_of, reachable
from tests.support.work_tree import ROOT

TABLES_OF_CONSTANTS = {"sample"}
"""Files that may be long: most of their lines are numbers."""
MIRRORS = {"pipeline": "tests", "benchmarks": "tests/benchmarks"}
TESTED_ELSEWHERE = {
    "pipeline/__main__": "tests/commands/test_program",
    "pipeline/backtest/clone": "tests/backtest/test_run",
    "pipeline/data/cell_texts": "tests/data/test_source",
    "pipeline/inference/frames": "tests/inference/test_model",
    "pipeline/inference/mlflow_model": "tests/commands/test_export",
    "pipeline/inference/onnx_model": "tests/commands/test_export",
    "pipeline/inference/onnx_network": "tests/commands/test_export",
    "pipeline/nights/accepted": "tests/nights/test_rollback",
    "pipeline/nights/record_files": "tests/nights/test_record",
    "pipeline/repository/delivery": "tests/nights/test_publish",
    "pipeline/settings/evaluate": "tests/commands/test_params",
    "pipeline/settings/nightly": "tests/commands/test_params",
    "pipeline/settings/numbers": "tests/commands/test_params",
    "pipeline/settings/recipe": "tests/commands/test_params",
    "pipeline/settings/table": "tests/commands/test_params",
    "pipeline/runtime/errors": "tests/runtime/test_command",
    "pipeline/runtime/lifetime": "tests/runtime/test_processes",
    "benchmarks/speed/frameworks": "tests/benchmarks/speed/test_contestants",
    "benchmarks/speed/tasks": "tests/benchmarks/speed/test_contestants",
}
"""Modules without a test file of their own, and the one that covers each."""
OF_MORE_THAN_ONE_MODULE = {
    "tests/commands/test_program",  # the one program
    "tests/benchmarks/test_commands",  # all benchmarks that are run
    "tests/nights/test_failures",  # whole nights
    "tests/nights/test_kills",
}


def mirror_of(module: str) -> str:
    """The file of a module's tests: `pipeline/data/clean` has tests/data/test_clean, `pipeline/prepare` a command's."""
    top, *packages, name = module.split("/")
    folder = "/".join([MIRRORS[top], *(packages or (["commands"] if top == "pipeline" else []))])
    return f"{folder}/test_{name}"


CODE = {f"{top}/{name.replace('.', '/')}" for top in MIRRORS for name in files_of(top) if "__init__" not in name}
BENCHMARKS_THAT_ARE_RUN = {f"benchmarks/{name}" for name in files_of("benchmarks") if "." not in name}


@pytest.mark.parametrize("module", sorted(CODE - BENCHMARKS_THAT_ARE_RUN - TESTED_ELSEWHERE.keys()))
def test_a_module_has_its_tests_where_one_looks_for_them(module):
    assert (ROOT / f"{mirror_of(module)}.py").is_file()


@pytest.mark.parametrize("module", sorted(TESTED_ELSEWHERE))
def test_a_module_that_is_tested_elsewhere_has_no_tests_of_its_own_and_is_used_there(module):
    assert module in CODE, "it is gone: strike it from the table"
    assert not (ROOT / f"{mirror_of(module)}.py").exists(), "it has tests of its own: strike it from the table"
    tests = ast.parse((ROOT / f"{TESTED_ELSEWHERE[module]}.py").read_text(encoding="utf-8"))
    used = {inner for name in imported_by(tests) for inner in reachable(name)}
    assert module.startswith("benchmarks/") or module.removeprefix("pipeline/").replace("/", ".") in used


def test_tests_in_a_mirrored_folder_are_of_one_of_its_modules():
    mirrors = OF_MORE_THAN_ONE_MODULE.union(map(mirror_of, CODE))
    files = {file for mirror in mirrors for file in (ROOT / mirror).parent.glob("test_*.py")}
    assert {str(file.relative_to(ROOT).with_suffix("")) for file in files} <= mirrors


@pytest.mark.parametrize("module", sorted(FILES.keys() - TABLES_OF_CONSTANTS))
def test_a_file_has_at_most_200_lines(module):
    assert len(FILES[module].read_text(encoding="utf-8").splitlines()) <= 200


def test_the_median_function_has_at_most_9_lines():
    assert median(lines_of(node) for tree in MODULES.values() for node in functions(tree)) <= 9


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_function_has_at_most_40_lines(module):
    assert not [node.name for node in functions(MODULES[module]) if lines_of(node) > 40]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_the_flow_of_arguments_is_visible_and_no_object_changes_its_class(module):
    nodes = list(ast.walk(MODULES[module]))
    unpacked = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg is None]
    assert not [node for node in unpacked if "vars(" in ast.unparse(node)]
    assert "vars(parser.parse_args(" not in ast.unparse(MODULES[module])
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    assert "__class__" not in {node.attr for node in attributes}


def test_a_night_is_not_routed_by_the_types_of_what_its_steps_return():
    assert "isinstance" not in {node.id for node in ast.walk(MODULES["nights.run"]) if isinstance(node, ast.Name)}
