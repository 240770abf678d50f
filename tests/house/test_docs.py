"""The pages say what is true: their commands run, their tables are complete, their results are the sample's."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import params, results
from pipeline.reporting.run_results import HEADLINE, read_metrics
from tests.support.pages import PAGES, README
from tests.support.skips import in_soak, reason
from tests.support.work_tree import ROOT, environment, run

RECIPES = params.recipe_names(ROOT / "params.yaml")


def keys(settings: object, path: tuple[str, ...] = ()) -> set[str]:
    """The dotted paths of all values, recipes' names left open."""
    if not isinstance(settings, dict):
        return {".".join(path)}
    named = path == ("recipes",)
    return set().union(*(keys(value, (*path, "<name>" if named else name)) for name, value in settings.items()))


def metrics_of(project: Path, recipe: str) -> dict[str, float]:
    return read_metrics(project / "metrics", recipe)


RUN_HERE = [page for name, page in PAGES.items() if name != "docs/your-own-columns.md"]  # test_other_columns runs it


@pytest.mark.parametrize(
    "page", [README, *in_soak(*(page for page in RUN_HERE if page.blocks("sh") and page != README))], ids=str
)
def test_every_command_runs(clone, page):
    run(clone, "git", "commit", "--quiet", "--allow-empty", "--message", "second")
    for command in "".join(page.blocks("sh")).splitlines():
        run(clone, *shlex.split(command, comments=True))


@pytest.mark.parametrize("page", [page for page in RUN_HERE if page.blocks("python")], ids=str)
def test_the_python_examples_run(clone, page):
    for example in page.blocks("python"):
        if "onnxruntime" in example:
            pytest.importorskip("onnxruntime", reason=reason("onnxruntime is not installed", to_run="make test"))
            (export,) = re.findall(r"^\$ (python .* --onnx salary.onnx)$", page.text, flags=re.MULTILINE)
            run(clone, *shlex.split(export))
        done = subprocess.run([sys.executable, "-c", example], cwd=clone, check=True, capture_output=True, text=True)
        assert re.search(r"\d", done.stdout)


def test_the_weekly_tables_come_out_of_their_history(tmp_path):
    (recipe,) = PAGES["docs/quality.md"].blocks("bash")
    publisher = tmp_path / "a publisher"
    run(tmp_path, "git", "init", "--quiet", str(publisher))
    for date, content in {"2021-08-28": "one", "2021-09-05": "two"}.items():
        (publisher / "salaries.csv").write_bytes(content.encode() + b"\r\n")
        run(publisher, "git", "add", "--all")
        when = environment() | {"GIT_COMMITTER_DATE": f"{date}T12:00:00Z"}
        subprocess.run(["git", "commit", "--quiet", "--message", date], cwd=publisher, env=when, check=True)
    (url,) = re.findall(r"https://\S+", recipe)
    instead = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{publisher}.insteadOf", "GIT_CONFIG_VALUE_0": url}
    subprocess.run(["bash", "-e", "-c", recipe], cwd=tmp_path, env=os.environ | instead, check=True)
    found = {file.name: file.read_bytes() for file in (tmp_path / "weekly").iterdir()}
    assert found == {"salaries_2021-08-28.csv": b"one\r\n", "salaries_2021-09-05.csv": b"two\r\n"}


def test_every_setting_is_documented_and_no_other():
    settings = YAML(typ="safe").load(ROOT / "params.yaml")
    documented = re.findall(r"^\| `([a-z_.<>]+)` \|", PAGES["docs/settings.md"].text, flags=re.MULTILINE)
    assert sorted(documented) == sorted(keys(settings))


def test_every_number_of_the_metrics_is_explained(trained):
    cells = re.findall(r"^\| (`[^|]+`) \|", PAGES["docs/metrics.md"].text, flags=re.MULTILINE)
    known = {name for cell in cells for name in cell.split("`")[1::2]}
    baselines = tuple(name.removesuffix("…") for name in known if name.endswith("…"))
    for recipe in RECIPES:
        for name in metrics_of(trained, recipe):
            number = name.split("_", 1)[1]
            prefix = next((prefix for prefix in baselines if number.startswith(prefix)), "")
            assert number in known or number.removeprefix(prefix) in known, name


def test_every_table_of_the_plots_is_explained(trained):
    explained = set(re.findall(r"`(\w+\.csv)`", PAGES["docs/metrics.md"].text))
    assert explained == {file.name for file in (trained / "metrics/plots").glob("*/*.csv")}


def test_every_make_target_is_shown_as_make_help_shows_it():
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown in PAGES["docs/developing.md"].text


def test_the_results_are_those_of_the_sample(trained):
    assert results.table({name: metrics_of(trained, name) for name in RECIPES}) in README.text


@pytest.mark.parametrize("page", PAGES.values(), ids=str)
def test_every_file_and_heading_it_links_to_exists(page):
    for link in page.links():
        if not link.startswith("https://"):
            address, _, anchor = link.partition("#")
            target = (page.path.parent / address).resolve() if address else page.path
            assert target.exists(), link
            assert not anchor or anchor in PAGES[target.relative_to(ROOT).as_posix()].anchors(), link


def test_every_page_and_picture_is_linked_to():
    linked = {(page.path.parent / link.partition("#")[0]).resolve() for page in PAGES.values() for link in page.links()}
    assert not set((ROOT / "docs").rglob("*.*")) - linked


def test_the_packages_are_listed_with_their_own_words():
    listed = dict(re.findall(r"^- `(\w+)/`: (.*(?:\n  .*)*)$", README.text, flags=re.MULTILINE))
    packages = {file.parent.name: file for file in (ROOT / "pipeline").glob("*/__init__.py")}
    docstrings = {name: ast.get_docstring(ast.parse(file.read_text())) or "" for name, file in packages.items()}
    assert {name: words.split() for name, words in listed.items()} == {
        name: words.split() for name, words in docstrings.items()
    }


def test_every_recipe_is_drawn():
    plots = YAML(typ="safe").load(ROOT / "dvc.yaml")["plots"]
    for plot in plots:
        ((name, settings),) = plot.items()
        if name == "Nights":
            continue
        drawn = {Path(file).parent.name for file in settings["y"]}
        assert drawn == set(RECIPES)


def test_the_example_of_a_comparison_starts_from_the_metrics_of_the_sample(trained):
    metrics, page = metrics_of(trained, "full"), PAGES["docs/how-to.md"].text
    page = page.split("dvc metrics diff HEAD~1")[1].split("## Experiments")[0]
    shown = dict(re.findall(r"^metrics/recipes/full\.json +(\w+) +([-0-9.]+) ", page, flags=re.MULTILINE))
    assert shown.keys() == set(HEADLINE)
    assert {name: float(value) for name, value in shown.items()} == {name: round(metrics[name], 5) for name in shown}


def test_the_messages_of_a_night_are_those_of_the_code():
    section = PAGES["docs/nights.md"].text.split("## When something goes wrong")[1].split("\n## ")[0]
    quoted = set(re.findall(r"`([a-z][^`/]+ [^`]+)`", section.split("|---|---|---|")[1]))
    code = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "pipeline").rglob("*.py")))
    assert len(quoted) > 10
    assert not [words for words in quoted if words not in code]
