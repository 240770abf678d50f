import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reporting import markdown, summary
from pipeline.reporting.markdown import Markup
from tests.support.reports import write_metrics

HOSTILE = "job_title=R|D <script>alert(1)</script>"
ROWS = [["name", "rows"], ["a", "1"], ["longer", "1,234,567"]]
CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=5)


def test_numbers_are_aligned_to_the_right_and_words_to_the_left():
    assert markdown.table(ROWS).splitlines() == [
        "| name | rows |",
        "| --- | --: |",
        "| a | 1 |",
        "| longer | 1,234,567 |",
    ]
    assert markdown.table(ROWS, align="left").splitlines()[1] == "| --- | --- |"


def test_a_padded_table_is_straight_in_a_terminal_too():
    assert markdown.table(ROWS, padded=True).splitlines() == [
        "| name   |      rows |",
        "| ------ | --------: |",
        "| a      |         1 |",
        "| longer | 1,234,567 |",
    ]
    assert markdown.table([["a", "b"], ["1", "2"]], align="left", padded=True).splitlines() == [
        "| a   | b   |",
        "| --- | --- |",
        "| 1   | 2   |",
    ]


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5), st.booleans())
def test_every_line_has_as_many_cells_as_the_header_whatever_they_hold(rows, padded):
    lines = markdown.table(rows, padded=padded).splitlines()
    assert len(lines) == len(rows) + 1
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {4}
    assert not padded or len({len(line) for line in lines}) == 1


def test_rows_of_different_lengths_are_no_table():
    with pytest.raises(ValueError, match="zip"):
        markdown.table([["name", "rows"], ["a"]])


def test_only_what_is_said_to_be_markdown_keeps_its_marks():
    assert markdown.table([["a"], ["**b**"], [Markup("**b**")]]).splitlines()[2:] == [r"| \*\*b\*\* |", "| **b** |"]


def test_the_markdown_has_each_table_of_each_recipe(tmp_path):
    text = markdown.report(write_metrics(tmp_path, one={}, two={}).results())
    headings = [line for line in text.splitlines() if line.startswith("#")]
    each = [
        "### Where it is most wrong",
        "### How often its intervals hold",
        "### What each feature earns",
        "### Fairness",
    ]
    assert headings == [
        *("# Training report", "## Scores"),
        *("## one", *each),
        *("## two", *each),
        *("## Data", "## How to reproduce it"),
    ]
    assert "| company_size=M | 299 | $30,000 | $777 |" in text


def test_a_hostile_value_stays_one_cell_of_text(tmp_path):
    slices = [{"slice": HOSTILE, "rows": 30, "mse_usd2": 1.0, "bias_usd": 1.0}]
    text = markdown.report(write_metrics(tmp_path, mine={"slices": slices}).results())
    assert r"| job_title=R\|D \<script\>alert(1)\</script\> | 30 | $1 | $1 |" in text


@pytest.mark.parametrize("title", ["![p](http://a.example/p.png)", "[click](x)", "`code`", "*loud*", "&lt;", r"a\|b"])
def test_markdown_in_a_value_stays_text(tmp_path, title):
    slices = [{"slice": title, "rows": 30, "mse_usd2": 1.0, "bias_usd": 1.0}]
    (line,) = [
        line
        for line in markdown.report(write_metrics(tmp_path, mine={"slices": slices}).results()).splitlines()
        if line.endswith("| 30 | $1 | $1 |")
    ]
    cell = line.removeprefix("| ").removesuffix(" | 30 | $1 | $1 |")
    assert not re.search(r"(?<!\\)(\\\\)*[`*\[\]<>&|]", cell)
    assert re.sub(r"\\(.)", r"\1", cell) == title


def test_groups_that_are_all_too_small_are_said_to_be(tmp_path):
    text = markdown.report(write_metrics(tmp_path, mine={"slices": [], "coverage": []}).results())
    assert text.count(summary.TOO_FEW) == 1  # the coverage of all rows is always there
