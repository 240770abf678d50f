"""The README is one sitting's read, and no page is a riddle or knows the machine that it was written on."""

import re
from statistics import mean

import pytest

from tests.support.pages import PAGES, README, Page, words

TERMINAL = 80  # columns


def test_the_readme_is_short():
    assert len(README.text.encode()) <= 15_000


def test_what_a_terminal_shows_fits_into_it():
    shown = "\n".join(README.blocks("console") + README.blocks("text")) + README.text.split("## Results")[1]
    lines = [line for line in shown.split("\n## ")[0].splitlines() if line.startswith(("|", "$"))]
    assert len(lines) > 5
    assert not [line for line in lines if len(line) > TERMINAL]


@pytest.mark.parametrize("page", PAGES.values(), ids=str)
def test_sentences_are_short(page):
    sentences = page.sentences()
    assert len(sentences) > 5
    assert not [sentence for sentence in sentences if words(sentence) >= 30]
    assert mean(map(words, sentences)) < 16


def test_a_sentence_ends_where_its_paragraph_or_item_does():
    text = (
        "Some `code of ours` is [one\nlink](x.md). Is it? 9.3 s\n\n- an item\n- another:\n```sh\nx\n```\n| a table |\n"
    )
    found = Page(README.path, text).sentences()
    assert found == ["Some code is one\nlink.", "Is it?", "9.3 s", "an item", "another:"]
    assert [words(sentence) for sentence in found] == [5, 2, 2, 2, 1]


@pytest.mark.parametrize("page", PAGES.values(), ids=str)
def test_a_page_knows_no_machine_of_ours(page):
    assert not re.findall(r"(?<![\w.:~])/(?:work|home|root|tmp|opt|mnt)\b|shared/", page.text)


@pytest.mark.parametrize(
    "page", [page for page in PAGES.values() if page.blocks("sh") + page.blocks("console")], ids=str
)
def test_a_page_says_once_how_to_enter_the_environment_and_then_runs_programs_by_name(page):
    assert page.text.count(". .venv/bin/activate") == 1
    assert ".venv/bin/python" not in page.text
