"""The site of docs/: every link of a page leads to a file of the site, and a warning is an error."""

import posixpath
import re

import pytest
from ruamel.yaml import YAML

from tests.support.pages import PAGES
from tests.support.work_tree import ROOT
from website import repository

SITE = YAML(typ="rt").load((ROOT / "website/mkdocs.yml").read_text(encoding="utf-8"))


def test_every_page_is_in_the_navigation():
    shown = [next(iter(entry.values())) if isinstance(entry, dict) else entry for entry in SITE["nav"]]
    assert sorted(shown) == sorted(name.removeprefix("docs/") for name in PAGES)


@pytest.mark.parametrize("name", sorted(name for name, path in repository.sources().items() if path.suffix == ".md"))
def test_every_link_of_a_page_leads_to_a_file_of_the_site(name):
    source = repository.sources()[name]
    text = repository.with_links_of_site(source.read_text(encoding="utf-8"), name)
    links = [link["path"] for link in repository.LINK.finditer(text) if link["path"]]
    targets = {posixpath.normpath(posixpath.join(posixpath.dirname(name), link)) for link in links}
    assert targets <= repository.sources().keys()


def test_what_is_no_page_is_shown_as_it_is():
    assert "repository/pipeline/data/schema.py.md" in repository.sources()
    shown = repository.content(ROOT / "pipeline/data/schema.py").decode()
    assert shown.startswith("# pipeline/data/schema.py\n\n````py\n")
    assert (ROOT / "pipeline/data/schema.py").read_text(encoding="utf-8") in shown
    assert repository.content(ROOT / "docs/pictures/scores.svg") == (ROOT / "docs/pictures/scores.svg").read_bytes()


def test_a_link_in_a_block_of_code_and_one_to_another_host_stay():
    text = "[a](../README.md#results) [b](https://a.example/README.md) [c](#here)\n```text\n[d](../README.md)\n```\n"
    moved = repository.with_links_of_site(text, "nights.md")
    assert moved == text.replace("../README.md#", "README.md#")


def test_warnings_are_errors_and_links_and_anchors_are_checked():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^docs: .*\n\t\S+/mkdocs build --strict ", makefile, flags=re.MULTILINE)
    assert {SITE["validation"][name] for name in ("absolute_links", "unrecognized_links", "anchors")} == {"warn"}
