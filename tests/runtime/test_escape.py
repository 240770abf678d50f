"""No text from outside means anything where it goes; see tests/house/test_hostile_texts.py for where that is."""

import html
import json
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime import escape

TEXTS = st.text(st.characters()) | st.text(st.sampled_from("\\`*_[]<>&|~@#-+=1.) \t\n:/w\x1b\x9b\u202e"))
ALL = "".join(map(chr, range(sys.maxunicode + 1)))


def test_the_invisible_are_all_control_and_format_characters_separators_and_surrogates():
    found = set(re.findall(f"[{escape.INVISIBLE}]", ALL))
    known = {letter for letter in ALL if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Cs")}
    assert known <= found
    assert {unicodedata.category(letter) for letter in found - known} <= {"Cn"}  # those of a later Unicode


@given(TEXTS)
def test_a_terminal_gets_no_character_that_cannot_be_seen(text):
    assert not re.search(f"(?![\n\t])[{escape.INVISIBLE}]", escape.terminal(text))
    assert not re.search(f"[{escape.INVISIBLE}]", escape.visible(text))
    assert escape.visible("Head of Données 😀") == "Head of Données 😀"


@given(TEXTS)
def test_json_for_people_is_json(text):
    written = escape.json_text({"text": text})
    assert json.loads(written) == {"text": text}
    assert not re.search(f"(?!\n)[{escape.INVISIBLE}]", written)


@given(TEXTS)
def test_markdown_of_a_text_has_no_mark(text):
    written = escape.markdown(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>&|~@]", written)
    assert not re.search(r"https?://|www\.", written)
    assert re.sub(r"\\(.)", r"\1", written) == escape.visible(text)


@pytest.mark.parametrize(
    "line", ["# title", "- item", "+ item", "1. item", "12) item", "===", "---", "    code", "> b"]
)
def test_a_line_of_markdown_begins_no_block(line):
    assert not re.match(r"\s|[#+=>-]|[0-9]+[.)]", escape.markdown_lines(f"text\n{line}").splitlines()[1])


@given(TEXTS)
def test_html_of_a_text_is_text_in_elements_and_attributes(text):
    written = escape.html(text)
    assert not re.search("[<>\"']", written)
    assert html.unescape(written) == escape.visible(text)
