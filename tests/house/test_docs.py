"""The README says what is true: its commands run, its tables are complete, its results are the committed ones."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from pipeline import params, results
from tests.support.work_tree import ROOT, run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def keys(settings: object, path: tuple[str, ...] = ()) -> set[str]:
    """The dotted paths of all values, recipes' names left open."""
    if not isinstance(settings, dict):
        return {".".join(path)}
    named = path == ("recipes",)
    return set().union(*(keys(value, (*path, "<name>" if named else name)) for name, value in settings.items()))


def test_every_command_runs(clone):
    run(clone, "git", "commit", "--quiet", "--allow-empty", "--message", "second")
    for command in "".join(blocks("sh")).splitlines():
        run(clone, *shlex.split(command, comments=True))


def test_the_python_example_runs(clone):
    (example,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", example], cwd=clone, check=True, capture_output=True, text=True)
    assert re.fullmatch(r"(\[\d+\.\d*\][ \n]){3}", done.stdout)


def test_every_setting_is_documented_and_no_other():
    settings = YAML(typ="safe").load(ROOT / "params.yaml")
    section = README.split("## Settings")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([a-z_.<>]+)` \|", section, flags=re.MULTILINE))
    assert documented == keys(settings)


def test_every_number_of_the_metrics_is_explained():
    section = README.split("### What the numbers mean")[1].split("\n#")[0]
    known = {
        name for cell in re.findall(r"^\| (`[^|]+`) \|", section, flags=re.MULTILINE) for name in cell.split("`")[1::2]
    }
    baselines = tuple(name.removesuffix("…") for name in known if name.endswith("…"))
    for recipe in params.recipe_names(ROOT / "params.yaml"):
        for name in json.loads((ROOT / f"metrics/recipes/{recipe}.json").read_text(encoding="utf-8")):
            number = name.split("_", 1)[1]
            prefix = next((prefix for prefix in baselines if number.startswith(prefix)), "")
            assert number in known or number.removeprefix(prefix) in known, name


def test_every_make_target_is_shown_as_make_help_shows_it():
    command = ["make", "--no-print-directory", "help"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout in README


def test_the_results_are_those_of_the_committed_metrics():
    metrics = {
        name: json.loads((ROOT / f"metrics/recipes/{name}.json").read_text(encoding="utf-8"))
        for name in params.recipe_names(ROOT / "params.yaml")
    }
    assert results.table(metrics) in README


def test_every_file_it_links_to_exists():
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_every_module_stands_in_the_layout():
    layout = next(block for block in blocks("text") if block.startswith("dvc.yaml"))
    modules = {path.name for path in (ROOT / "pipeline").glob("*.py")} - {"__init__.py"}
    assert not {name for name in modules if name not in layout}


def test_every_recipe_is_drawn():
    plots = YAML(typ="safe").load(ROOT / "dvc.yaml")["plots"]
    for plot in plots:
        ((name, settings),) = plot.items()
        if name == "Nights":
            continue
        drawn = {Path(file).parent.name for file in settings["y"]}
        assert drawn == set(params.recipe_names(ROOT / "params.yaml"))


def test_the_example_of_a_comparison_starts_from_the_committed_metrics():
    metrics = json.loads((ROOT / "metrics/recipes/full.json").read_text(encoding="utf-8"))
    shown = dict(re.findall(r"^metrics/recipes/full\.json +(\w+) +([-0-9.]+) ", README, flags=re.MULTILINE))
    assert {"test_mse_usd2", "valid_mse_usd2", "train_mse_usd2"} <= shown.keys()
    assert {name: float(value) for name, value in shown.items()} == {name: round(metrics[name], 5) for name in shown}


def test_the_messages_of_a_night_are_those_of_the_code():
    section = README.split("### When something goes wrong")[1].split("\n### ")[0]
    quoted = set(re.findall(r"`([a-z][^`/]+ [^`]+)`", section.split("|---|---|---|")[1]))
    code = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "pipeline").rglob("*.py")))
    assert len(quoted) > 10
    assert not [words for words in quoted if words not in code]
