"""The project's own code as tests look at it: parsed, and who imports whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.work_tree import ROOT


def files_of(top: str) -> dict[str, Path]:
    """The Python files of a package of the repository by their dotted names in it, such as `data.clean`."""
    return {
        ".".join(path.relative_to(ROOT / top).with_suffix("").parts): path
        for path in sorted((ROOT / top).rglob("*.py"))
    }


FILES = files_of("pipeline")
MODULES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
"""The modules of pipeline/, parsed, by their dotted names in it."""


def package_of(module: str) -> str:
    """The package that a module of pipeline/ is in, or the module itself if it stands at the top."""
    return module.split(".")[0]


def named_by(tree: ast.Module) -> set[str]:
    """All that the code imports, by dotted names, such as `numpy`, `pipeline.data`, `pipeline.data.clean`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that a search finds them"
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imported_by(tree: ast.Module) -> set[str]:
    """The modules of pipeline/ that the code imports."""
    names = named_by(tree)
    return {name.removeprefix("pipeline.") for name in names if name.startswith("pipeline.")} & MODULES.keys()


def reachable(module: str) -> set[str]:
    """The module and all of pipeline/ that it imports, directly or not, with the `__init__` of every package."""
    found: set[str] = set()
    waiting = {module, "__init__"}
    while waiting:
        name = waiting.pop()
        package = name.rpartition(".")[0]
        found |= {name, f"{package}.__init__"} if package else {name}
        waiting |= imported_by(MODULES[name]) - found
    return found


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions and methods in a module, those in other functions, too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is, its signature and its docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def calls(module: str, function: str) -> list[list[str | None]]:
    """The arguments, where they are literal, of each call of a function such as `params.load` in a module."""
    return [
        [ast.literal_eval(argument) if isinstance(argument, ast.Constant) else None for argument in node.args]
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function
    ]
