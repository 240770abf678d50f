import pytest

from pipeline.data.clean import clean
from pipeline.data.contract_report import EXAMPLES, ContractReport
from pipeline.data.csv_blocks import Block
from pipeline.data.csv_rows import parse
from pipeline.data.schema import COLUMNS
from tests.support.tables import check, row, rows


def test_the_sum_of_the_blocks_reports_is_the_report_of_the_table():
    lines = [row(company_size="XL", salary="x" * (number % 3)) for number in range(9)] + rows(3)
    report = ContractReport()
    for start in range(0, 12, 4):
        block = Block(2 + start, "\n".join(lines[start : start + 4]).encode())
        report.add(clean(parse(block, COLUMNS)).report)
    assert report == check(lines).report


def test_examples_are_few():
    report = ContractReport()
    report.add(check([row(company_size="XL")] * 10).report)
    report.add(check([row(company_size="XL")] * 10).report)
    assert len(report.violations["company_size must be one of S, M, L"].examples) == EXAMPLES


def test_a_report_names_every_broken_rule_with_count_lines_values_and_the_limit():
    report = check([row(), row(company_size="XL"), row(salary="1e5", company_size="m"), "2023,SE"]).report
    assert report.text(where="raw.csv", allowed=0.5) == (
        "raw.csv: 3 of 4 rows break the data contract (75.0000%; prepare.max_bad_fraction allows 50.0000%)\n"
        "\n  a record must be one row of comma-separated UTF-8 text (not 11 fields): 1 of 4 rows\n"
        "    line 5: found '2023,SE'\n"
        "\n  salary must be a whole number from 1 to 1000000000, digits only (in salary_currency): 1 of 4 rows\n"
        "    line 4: found '1e5' (write 100000)\n"
        "\n  company_size must be one of S, M, L: 2 of 4 rows\n"
        "    line 3: found 'XL'\n"
        "    line 4: found 'm'\n"
    )


def test_no_rows_break_nothing():
    assert ContractReport().bad_fraction == 0.0


def test_a_table_without_rows_is_refused():
    with pytest.raises(ValueError, match=r"^raw.csv: the table must have at least one row, found only the header$"):
        ContractReport().check(where="raw.csv", allowed=0.9)


@pytest.mark.parametrize("allowed", [0.25, 0.5])
def test_as_many_bad_rows_as_are_allowed_pass(allowed):
    ContractReport(rows=8, quarantined=2).check(where="raw.csv", allowed=allowed)


def test_more_bad_rows_than_allowed_are_refused_with_the_whole_report():
    report = check([row(), row(company_size="XL")]).report
    with pytest.raises(ValueError, match=r"\(50.0000%; prepare.max_bad_fraction allows 40.0000%\)") as caught:
        report.check(where="raw.csv", allowed=0.4)
    assert str(caught.value).startswith(report.text(where="raw.csv", allowed=0.4))
    assert str(caught.value).endswith("or raise prepare.max_bad_fraction to let them go to quarantine.")
