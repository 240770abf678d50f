"""What a contributor meets: the checks before a commit, the forms, and that these say what the project does."""

import json
import re
import tomllib

import pytest
from ruamel.yaml import YAML

from tests.support.pages import Page
from tests.support.work_tree import ROOT

TOP = [Page(ROOT / name, (ROOT / name).read_text(encoding="utf-8")) for name in ("CONTRIBUTING.md", "SECURITY.md")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def load(name: str):
    return YAML(typ="safe").load(ROOT / name)


def test_what_runs_before_a_commit_is_the_style_part_of_make_test():
    recipes = dict(re.findall(r"^(style|test): (.*\n(?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE))
    assert recipes["test"].startswith("style ")
    style = recipes["style"].replace("\t", "").splitlines()[1:]
    (local,) = load(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == [f".venv/bin/{command}" for command in style]
    assert [hook["name"] for hook in local["hooks"]] == style
    assert all((hook["language"], hook["pass_filenames"]) == ("system", False) for hook in local["hooks"])


@pytest.mark.parametrize("page", TOP, ids=str)
def test_a_page_beside_the_readme_links_to_what_there_is_and_does_not_repeat_it(page):
    assert all((ROOT / link.partition("#")[0]).exists() for link in page.links() if not link.startswith("https://"))
    developing = (ROOT / "docs/developing.md").read_text(encoding="utf-8")
    assert not [sentence for sentence in page.sentences() if len(sentence) > 60 and sentence in developing]


def test_the_citation_is_of_this_project():
    citation = load("CITATION.cff")
    assert citation["title"] == PROJECT["name"]
    assert citation["abstract"] == PROJECT["description"]
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    authors = [author["name"] for author in citation["authors"]]
    assert f"Copyright (c) 2026 {authors[0]}" in (ROOT / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_asks_few_questions(name):
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form.keys() == {"name", "description", "labels", "body"}
    assert 1 <= len(form["body"]) <= 3


def test_newer_versions_are_looked_for_in_every_lock():
    settings = json.loads((ROOT / ".github/renovate.json").read_text(encoding="utf-8"))
    (pattern,) = settings["pip_requirements"]["managerFilePatterns"]
    locks = sorted(file.name for file in ROOT.glob("requirements*"))
    assert len(locks) > 3
    assert [name for name in locks if re.search(pattern.strip("/"), name)] == locks
