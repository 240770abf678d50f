import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import validate as module
from pipeline.data.contract import CONTRACT
from pipeline.data.csv_rows import TYPES
from pipeline.data.schema import AMOUNTS, COLUMNS, NUMBERS
from pipeline.data.validate import described, validate
from tests.support.near_values import NEAR


def text(**columns):
    """Rows of text as the contract takes them."""
    return pa.record_batch({name: pa.array(cells).cast(TYPES[name]) for name, cells in columns.items()})


def broken(rows):
    """The positions of the rows that break a column's rule, by column."""
    return {name: positions.tolist() for name, positions in validate(rows)[1].items()}


def test_rows_that_keep_the_contract_come_out_in_its_types():
    rows = text(work_year=["2021", "2023"], job_title=["Analyst", "NA"], salary_in_usd=["11", "150000"])
    typed, wrong = validate(rows)
    assert wrong == {}
    assert typed.to_pydict() == {
        "work_year": [2021, 2023],
        "job_title": ["Analyst", "NA"],
        "salary_in_usd": [11, 150_000],
    }
    assert [pa.types.is_dictionary(kind) for kind in typed.schema.types] == [True, True, False]


def test_only_the_columns_that_are_there_are_asked_about():
    assert broken(text(company_size=["M", "XL", "S", "XL"])) == {"company_size": [1, 3]}


def test_every_row_with_a_broken_value_is_named_once_per_column():
    rows = text(company_size=["XL", "M", "m"], salary_in_usd=["1e5", "7", "-5"], remote_ratio=["0", "50", "100"])
    assert broken(rows) == {"company_size": [0, 2], "salary_in_usd": [0, 2]}


def test_a_text_that_is_no_whole_number_is_null_and_breaks_the_rule():
    typed, wrong = validate(text(work_year=["2021", "2021.5"], salary_in_usd=["7", "seven"]))
    assert typed.to_pydict() == {"work_year": [2021, None], "salary_in_usd": [7, None]}
    assert {name: positions.tolist() for name, positions in wrong.items()} == {
        "work_year": [1],
        "salary_in_usd": [1],
    }


@pytest.mark.parametrize("name", COLUMNS)
@given(data=st.data())
def test_pandera_finds_the_same_rows_broken(name, data):
    written = st.text(max_size=6) | st.sampled_from(["", "2021e", "1e5", "007", "50.0", "٣"])
    cells = data.draw(st.lists(NEAR[name].map(str) | written, min_size=1, max_size=9))
    typed, found = validate(text(**{name: cells}))
    try:
        column = pd.Series(typed[name].to_pylist(), dtype="Int64" if name in NUMBERS else "str", name=name)
        CONTRACT.columns[name].validate(column.to_frame(), lazy=True)
        wrong = []
    except pandera.errors.SchemaErrors as error:
        wrong = sorted(set(error.failure_cases["index"]))
    assert [positions.tolist() for positions in found.values()] == ([wrong] if wrong else [])


def test_a_value_marked_as_an_estimate_is_the_value():
    assert validate(text(work_year=["2021e", "2021"]))[0]["work_year"].to_pylist() == [2021, 2021]


WRITTEN = ["7", "7.0", "7.000", "7.", "7.5", "07.0", "-0.0", ".0", "7..0", "7.0.0", "7e0", "1,007.0", "7.0 "]


@pytest.mark.parametrize("column", [*AMOUNTS, "work_year"])
@pytest.mark.parametrize("texts", [WRITTEN, WRITTEN[:3]])
def test_a_fraction_of_zeros_is_none_whatever_else_the_column_holds(column, texts):
    typed = validate(text(**{column: texts}))[0][column].to_pylist()
    assert typed == [7, 7, 7, *[None] * (len(texts) - 3)]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1e5", " (write 100000)"),
        ("150,000", " (write 150000)"),
        ("1 234 567", " (write 1234567)"),
        ("007", " (write 7)"),
        (" 5", " (write 5)"),
        ("12.5", " (write a whole number, without a fraction)"),
        ("1e9", ""),  # beyond the contract
        ("1e999999999", ""),
        ("-5", ""),
        ("1,50", ""),
        ("nan", ""),
        ("", ""),
    ],
)
def test_a_number_that_is_written_another_way_comes_with_what_to_write(cell, said):
    assert described("salary_in_usd", [cell]) == [f"{cell!r}{said}"]
    assert described("job_title", ["", cell]) == ["''", repr(cell)]


def test_without_estimates_a_marked_value_breaks_the_rule(monkeypatch):
    monkeypatch.setattr(module, "ESTIMATED_VALUES", {})
    assert broken(text(work_year=["2021e", "2021"])) == {"work_year": [0]}


@pytest.mark.parametrize("column", ["work_year", "job_title", *AMOUNTS])
def test_no_rows_break_nothing(column):
    typed, wrong = validate(pa.record_batch({column: pa.array([], TYPES[column])}))
    assert (typed.num_rows, wrong) == (0, {})


def test_the_contract_is_asked_once_per_distinct_value(monkeypatch):
    asked, keeps = [], module._keeps

    def counted(rule, values):
        asked.append(len(values))
        return keeps(rule, values)

    monkeypatch.setattr(module, "_keeps", counted)
    validate(text(company_size=np.array(["S", "M"] * 500), salary_in_usd=np.array(["7", "8"] * 500)))
    assert asked == [2, 1000]  # amounts hardly repeat: they are asked about as they stand


def test_a_letter_that_is_written_as_two_characters_is_that_letter():
    typed, wrong = validate(text(job_title=["Head of Donne\u0301es", "Head of Donn\u00e9es"]))
    assert typed["job_title"].to_pylist() == ["Head of Donn\u00e9es"] * 2
    assert not wrong
