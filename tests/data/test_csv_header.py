import pytest

from pipeline.data.csv_header import in_words, other_columns, parse_header
from pipeline.data.schema import COLUMNS, FEATURES
from tests.support.tables import HEADER

NAMES = ",".join(FEATURES)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (NAMES, FEATURES),
        (HEADER, tuple(HEADER.split(","))),
        ("\ufeff" + NAMES, FEATURES),
        (",".join(reversed(FEATURES)), tuple(reversed(FEATURES))),
        (f'id,{NAMES},"sum, yearly","a ""b"""', ("id", *FEATURES, "sum, yearly", 'a "b"')),
        (f",{NAMES}, ,", ("unnamed_1", *FEATURES, "unnamed_10", "unnamed_11")),
        (f"id,{NAMES},id,id,id_10", ("id", *FEATURES, "id_10_10", "id_11", "id_10")),
        (f",unnamed_1,{NAMES}", ("unnamed_1_1", "unnamed_1", *FEATURES)),
    ],
    ids=[
        "features alone",
        "all columns",
        "byte order mark",
        "reordered",
        "other columns",
        "columns without a name",
        "twice",
        "a made-up name",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_table_to_predict_needs_the_features_among_its_columns(line, names, end):
    header = parse_header((line + end).encode(), FEATURES, where="new.csv")
    assert header.names == names
    assert header.text == line.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", "new.csv: line 1 must be a header that names work_year, .*; found nothing$"),
        (b"\r\n", "found nothing$"),
        (NAMES.replace(",job_title", "").encode(), "found: column 'job_title' is missing$"),
        (NAMES.replace("job_title", "jobtitle").encode(), r"'job_title' is missing \(is it 'jobtitle'\?\)$"),
        (NAMES.upper().encode(), "".join(rf"'{name}' is missing \(is it '{name.upper()}'\?\).*" for name in FEATURES)),
        (
            NAMES.title().replace("_", " ").encode(),
            r"'work_year' is missing \(is it 'Work Year'\?\); .*'Experience Lev",
        ),
        (f"{NAMES},job_title".encode(), r"found: column 'job_title' stands 2 times \(keep one of them\)$"),
        (f"{NAMES},salary,salary".encode(), r"found: column 'salary' stands 2 times \(keep one of them\)$"),
        (NAMES.replace(",", ";").encode(), "found: the separator is ';': save the table with commas"),
        (f'"{NAMES}'.encode(), "must be column names separated by commas, found '\"work_year.*': unexpected end"),
        (f"{NAMES}\r".encode() * 2, "lines must end with a line feed, found carriage returns alone"),
    ],
)
def test_a_header_without_them_is_refused(line, found):
    with pytest.raises(ValueError, match=found):
        parse_header(line, FEATURES, where="new.csv")


def test_a_column_is_suggested_once_and_to_the_one_that_it_is_most_like():
    line = NAMES.replace("company_location", "location").replace("employee_residence", "Employee-Residence")
    with pytest.raises(ValueError, match="is missing") as caught:
        parse_header(line.replace("company_size", "x").encode(), FEATURES, where="new.csv")
    assert str(caught.value).endswith(
        "found: column 'employee_residence' is missing (is it 'Employee-Residence'?);"
        " column 'company_location' is missing (is it 'location'?); column 'company_size' is missing"
    )


def test_other_columns_are_named_in_words_and_not_without_end():
    assert other_columns(["id", *COLUMNS, "id", "bonus"]) == ("id", "bonus")
    assert in_words(["x" * 100, *map(str, range(11))]) == (
        f"12 columns are not in the data contract: '{'x' * 60}', '0', '1', '2', '3', '4', '5', '6', '7', '8' and 2 more"
    )


def test_where_a_column_without_a_name_comes_from_is_explained():
    (_, *others, _) = parse_header(f",{NAMES},".encode(), FEATURES, where="new.csv").names
    assert others == list(FEATURES)
    assert in_words(["unnamed_1", "unnamed_10"]) == (
        "2 columns are not in the data contract: 'unnamed_1', 'unnamed_10'"
        " (without a name in the header: an index, which to_csv(index=False) leaves out, or a comma at its end)"
    )
