import pytest

from pipeline.data.csv_header import parse_header
from pipeline.data.schema import FEATURES
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
        ("," + NAMES, ("", *FEATURES)),
    ],
    ids=["features alone", "all columns", "byte order mark", "reordered", "other columns", "a column without a name"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_table_to_predict_needs_the_features_among_its_columns(line, names, end):
    header = parse_header((line + end).encode(), FEATURES, others_allowed=True, where="new.csv")
    assert header.names == names
    assert header.text == line.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", "new.csv: line 1 must be a header that names work_year, .*; found nothing$"),
        (b"\r\n", "found nothing$"),
        (NAMES.replace(",job_title", "").encode(), "found: column 'job_title' is missing$"),
        (NAMES.replace("job_title", "jobtitle").encode(), r"'job_title' is missing \(is it 'jobtitle'\?\)$"),
        (f"{NAMES},id,id".encode(), "found: column 'id' stands 2 times$"),
        (f"{NAMES},job_title".encode(), "found: column 'job_title' stands 2 times$"),
        (NAMES.replace(",", ";").encode(), "found: the separator is ';': save the table with commas"),
        (f'"{NAMES}'.encode(), "must be column names separated by commas, found '\"work_year.*': unexpected end"),
        (NAMES.encode("utf-16"), "new.csv is UTF-16: save it as UTF-8"),
        (f"{NAMES}\r".encode() * 2, "lines must end with a line feed, found carriage returns alone"),
    ],
)
def test_a_header_without_them_is_refused(line, found):
    with pytest.raises(ValueError, match=found):
        parse_header(line, FEATURES, others_allowed=True, where="new.csv")
