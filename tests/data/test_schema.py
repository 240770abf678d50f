import pandas as pd
import pandera.errors
import pytest

from pipeline.data.contract import CONTRACT
from pipeline.data.schema import COLUMNS, FEATURES, NUMBERS, ORDINALS, TARGET, requirement
from tests.support.tables import ROW

UNSEEN = ["a\x9bb", "a\u202eb", "a\u200bb", "a\u2028b", "a\u2029b", "a\xadb", "\ufeffab", "a\U000e0041"]


def frame(**cells):
    """One row as the contract sees it: numbers typed."""
    row = {name: int(value) if name in NUMBERS else value for name, value in ROW.items()} | cells
    return pd.DataFrame({name: pd.Series([row[name]], dtype="Int64" if name in NUMBERS else "str") for name in row})


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("work_year", [2000, 2021, 2100]),
        ("experience_level", ["EN", "MI", "SE", "EX"]),
        ("employment_type", ["PT", "FT", "CT", "FL"]),
        ("job_title", ["X", "x" * 100, "Head of Données", 'Lead "AI", (R&D)']),
        ("salary", [1, 1_000_000_000]),
        ("salary_currency", ["USD", "CLP"]),
        ("salary_in_usd", [1, 11, 10_000_000]),
        ("employee_residence", ["US", "NA"]),
        ("remote_ratio", [0, 50, 100]),
        ("company_location", ["US", "NA"]),
        ("company_size", ["S", "M", "L"]),
    ],
)
def test_the_contract_accepts_every_value_that_its_words_allow(column, values):
    for value in values:
        CONTRACT.validate(frame(**{column: value}))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("work_year", [1999, 2101, None]),
        ("experience_level", ["XX", "se", "", " SE"]),
        ("employment_type", ["XX", "ft", ""]),
        ("job_title", ["", " X", "X ", "x" * 101, "a\tb", "a\0b", "X\n", "a\nb", *UNSEEN]),
        ("salary", [0, -1, 1_000_000_001, None]),
        ("salary_currency", ["usd", "US", "USDT", "", "USD\n"]),
        ("salary_in_usd", [0, -1, 10_000_001, 10**12, None]),
        ("employee_residence", ["us", "USA", "", "U1", "US\n"]),
        ("remote_ratio", [1, -50, 150, None]),
        ("company_location", ["us", "USA", "", "US\n"]),
        ("company_size", ["XL", "m", "", "M "]),
    ],
)
def test_the_contract_refuses_every_value_that_its_words_forbid(column, values):
    for value in values:
        with pytest.raises(pandera.errors.SchemaError, match=column):
            CONTRACT.validate(frame(**{column: value}))


def test_a_further_column_breaks_the_contract():
    with pytest.raises(pandera.errors.SchemaErrors, match="bonus"):
        CONTRACT.validate(frame(bonus="1"))


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_less_breaks_the_contract(column):
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors), match=column):
        CONTRACT.validate(frame().drop(columns=column))


def test_columns_that_give_the_target_away_are_no_features():
    assert set(COLUMNS) - set(FEATURES) == {"salary", "salary_currency", TARGET}


def test_the_features_with_an_order_are_these():
    assert ORDINALS == ("work_year", "experience_level", "remote_ratio", "company_size")


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_says_in_words_what_it_must_be(column):
    assert requirement(column).startswith(f"{column} must be ")
    assert not requirement(column).endswith("None")
