import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.clean import clean
from pipeline.data.contract_report import Example
from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.schema import COLUMNS, NUMBERS, RULES, TARGET, requirement
from pipeline.data.split import row_hash
from tests.support.tables import DAMAGE, HEADER, ROW, check, damaged, one_part, records_of, row

CELLS = {
    "work_year": ["2021e", "2021", "21", "2021E", "2021ee", "1999", "2023.0"],
    "experience_level": ["EN", "EX", "se", "XX", ""],
    "job_title": ["Analyst", " Analyst", "", "x" * 101, "nan"],
    "salary": ["1", "0", "1e5", "-0", "007", "9" * 30],
    "salary_in_usd": ["11", "10000001", "NaN", "inf", "-5", "1_000", "１"],
    "company_location": ["NA", "na", "U", ""],
    "remote_ratio": ["0", "100", "-0", "+50", "33"],
}


def test_rows_that_keep_the_contract_come_out_typed_and_in_order():
    cleaned = check([row(work_year=2021), row(job_title="Analyst", salary_in_usd=11)])
    assert cleaned.rows.schema.names == list(COLUMNS)
    assert cleaned.rows["work_year"].to_pylist() == [2021, 2023]
    assert cleaned.rows["job_title"].to_pylist() == ["Data Scientist", "Analyst"]
    assert cleaned.rows[TARGET].to_pylist() == [150_000, 11]


def test_an_estimated_year_is_read_as_the_year_and_counted():
    cleaned = check([row(work_year="2021e"), row(work_year="2021"), row(work_year="2021e")])
    assert cleaned.rows["work_year"].to_pylist() == [2021, 2021, 2021]
    assert cleaned.report.estimated_rows == 2


def test_an_estimated_year_in_quarantine_is_not_counted():
    assert check([row(work_year="2021e", company_size="XL"), row()]).report.estimated_rows == 0


def test_rows_with_a_fraction_of_zeros_are_kept_and_counted_once_each():
    floats = [row(work_year="2023.0", salary="150000.00"), row(remote_ratio="100.0")]
    lines = [row(), *floats, row(salary="1.0", remote_ratio=1)]
    cleaned = check(lines)
    assert (cleaned.report.decimal_rows, cleaned.report.quarantined) == (2, 1)
    assert len(set(row_hash(cleaned.rows, salt="any").tolist())) == 1


def test_equal_rows_are_all_kept():
    assert check([row()] * 5).rows.num_rows == 5


def test_the_country_code_na_is_namibia():
    cleaned = check([row(employee_residence="NA", company_location="NA")])
    assert cleaned.rows["employee_residence"].to_pylist() == ["NA"]


def test_a_broken_row_goes_to_quarantine_as_it_stands_with_its_line_and_every_reason():
    bad = row(experience_level="se", salary="1e5")
    cleaned = check([row(), bad, row()])
    assert cleaned.quarantine.to_pylist() == [
        {
            "line": 3,
            "reasons": f"{requirement('experience_level')}, found 'se';"
            f" {requirement('salary')}, found '1e5' (write 100000)",
            "text": bad,
        }
    ]
    assert cleaned.rows.num_rows == 2


def test_no_dictionary_keeps_a_value_of_a_row_in_quarantine():
    cleaned = check([row(), row(salary_in_usd="NaN", job_title="Bard"), row(salary_in_usd=10**12)])
    assert cleaned.rows[TARGET].to_pylist() == [150_000]
    assert cleaned.rows["job_title"].dictionary.to_pylist() == ["Data Scientist"]


def test_bytes_that_are_not_utf8_are_escaped_in_quarantine():
    block = Block(2, row(job_title="caf\xe9").encode("latin-1"))
    assert clean(parse(block, COLUMNS)).quarantine["text"].to_pylist() == [row(job_title=r"caf\xe9")]


def test_a_rule_is_reported_with_its_count_and_its_first_lines():
    cleaned = check([row(company_size="XL" if number % 2 else "M") for number in range(20)])
    (violation,) = cleaned.report.violations.values()
    assert violation.rule == "company_size must be one of S, M, L"
    assert violation.rows == 10
    assert violation.examples == tuple(Example(line, "'XL'") for line in (3, 5, 7))


def test_a_huge_value_is_shown_in_short():
    (violation,) = check([row(job_title="x" * 10_000)]).report.violations.values()
    assert violation.examples == (Example(2, "'" + "x" * 79 + "… (10002 characters)"),)


def test_records_of_several_lines_are_reported_with_their_first_line_and_what_is_no_row_with_its_last():
    title = row(job_title='"Data\n\nScientist"')
    torn = '2023,"told\nby phone'
    cleaned = check([title, row(), torn, row() + '"x', row(company_size="XL")])
    assert [(broken["line"], broken["text"]) for broken in cleaned.quarantine.to_pylist()] == [
        (2, title),
        (6, f'{torn}\n{row()}"x'),
        (9, row(company_size="XL")),
    ]
    found = {example for violation in cleaned.report.violations.values() for example in violation.examples}
    start = '\'2023,"told\\nby phone\\n2023,SE,FT,Data Scientist,150000,USD,150000,US,100,US,M"x… (81 characters)'
    assert found == {Example(2, repr("Data\n\nScientist")), Example(6, start, lines=3), Example(9, "'XL'")}
    assert str(Example(6, start, lines=3)).endswith(" characters) in lines 6 to 8 (3 lines)")


def typed(name, text):
    """The oracle's reading of one cell, by Python's own int."""
    if name not in NUMBERS:
        return text
    text = re.sub(r"^(\d{4})e$", r"\1", text) if name == "work_year" else text
    text = re.sub(r"\.0+$", "", text)
    is_whole = re.fullmatch(r"-?[0-9]{1,18}", text) and str(int(text)) == text
    return int(text) if is_whole else None


def lines_that_break_the_contract(cells):
    """The oracle: each cell by its rule, which tests/data/test_contract.py holds pandera to."""
    return [
        line
        for line, row in enumerate(cells, start=2)
        if not all(RULES[name].allows(typed(name, value)) for name, value in row.items())
    ]


ROWS = st.fixed_dictionaries({name: st.sampled_from([ROW[name], *CELLS.get(name, [])]) for name in COLUMNS})


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=12))
def test_asking_once_per_distinct_value_finds_what_asking_once_per_row_finds(cells):
    cleaned = check([row(**each) for each in cells])
    broken = lines_that_break_the_contract(cells)
    assert cleaned.quarantine["line"].to_pylist() == broken
    assert cleaned.rows.num_rows == len(cells) - len(broken)


def cleaned_of(path, *, size):
    """What became of every row: the values of those kept, and the lines in quarantine."""
    part = one_part(path)
    cleaned = [clean(parse(block, part.columns)) for block in part.blocks(size=size)]
    kept = [values for block in cleaned for values in block.rows.to_pylist()]
    return kept, [broken for block in cleaned for broken in block.quarantine.to_pylist()]


@settings(max_examples=15)
@given(DAMAGE, st.integers(150, 600))
def test_whatever_the_damage_rows_in_are_rows_out_plus_quarantine_in_blocks_of_any_size(tmp_path_factory, damage, size):
    body = damaged(damage)
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(HEADER.encode() + b"\n" + body)
    kept, quarantine = cleaned_of(path, size=size)
    records = records_of(body)
    assert len(kept) + len(quarantine) == len(records)
    first_lines = dict(
        zip(itertools.accumulate([record.count(b"\n") + 1 for record in records], initial=2), records, strict=False)
    )
    for broken in quarantine:
        assert broken["text"] == first_lines[broken["line"]].decode(errors="backslashreplace")
        assert broken["reasons"]
    assert (kept, quarantine) == cleaned_of(path, size=1 << 20)


@pytest.mark.real
@pytest.mark.parametrize("every", [15, pytest.param(1, marks=pytest.mark.soak)])
def test_real_tables_keep_the_contract_with_their_oddities(real_tables, every):
    assert len(real_tables) == 152
    estimated = {}
    last_with_estimates = next(place for place, path in enumerate(real_tables) if path.stem.endswith("2022-01-30"))
    for path in sorted({*real_tables[::every], *real_tables[last_with_estimates:][:2]}):
        part = one_part(path)
        (block,) = part.blocks()
        cleaned = clean(parse(block, part.columns))
        text = path.read_bytes()
        assert cleaned.quarantine.to_pylist() == [], path.name
        assert cleaned.rows.num_rows == text.count(b"\n") - 1, path.name
        assert cleaned.report.estimated_rows == len(re.findall(rb"^\d{4}e,", text, re.MULTILINE)), path.name
        estimated[path.stem.removeprefix("salaries_")] = cleaned.report.estimated_rows
    assert estimated["2022-01-30"] > 0
    assert estimated["2022-02-06"] == 0


def test_examples_are_the_first_lines_whichever_check_they_fail():
    cleaned = check([row(), row(salary_in_usd="-5"), row(salary_in_usd="1e5"), row(salary_in_usd="0")])
    (violation,) = cleaned.report.violations.values()
    assert violation.rows == 3
    assert [example.found for example in violation.examples] == ["'-5'", "'1e5' (write 100000)", "'0'"]
