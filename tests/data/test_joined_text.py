import gzip

import pytest

from pipeline.data.joined_text import joined_text
from tests.support.tables import parquet, row, rows, table

LINES = rows(30)
TOGETHER = table(LINES)


@pytest.fixture
def joined(tmp_path):
    """What these files, in their order, are as one text."""

    def joined(*contents):
        files = {f"{number}.csv": tmp_path / f"{number}.csv" for number in range(len(contents))}
        for path, content in zip(files.values(), contents, strict=True):
            path.write_bytes(content)
        return joined_text(files).read()

    return joined


@pytest.mark.parametrize("change", [bytes, bytes.rstrip, b"\xef\xbb\xbf".__add__, gzip.compress, parquet])
def test_files_are_what_putting_them_together_makes(joined, change):
    parts = [table(LINES[:10]), table(LINES[10:11]), table(LINES[11:])]
    assert joined(*map(change, parts)) == TOGETHER


def test_a_file_with_a_header_alone_or_blank_lines_at_its_end_adds_no_row(joined):
    assert joined(table([]), table(LINES[:10]) + b"\n\r\n\n", table([]), table(LINES[10:])) == TOGETHER


def test_an_empty_file_is_named(joined):
    with pytest.raises(ValueError, match=r"0\.csv: line 1 must be a header, found nothing; leave out this file"):
        joined(b"", TOGETHER)


def test_line_breaks_inside_stay_at_a_border_of_pieces(joined, monkeypatch):
    monkeypatch.setattr("pipeline.data.joined_text.PIECE_BYTES", 7)
    lines = [row(job_title='"told\n\n\nby phone"'), *LINES]
    assert joined(table(lines[:5]), table(lines[5:])) == table(lines)


def test_another_header_is_refused_with_both_files(joined):
    with pytest.raises(ValueError, match=r"1\.csv: line 1 must be the header of 0\.csv, found another one; give all"):
        joined(TOGETHER, b"company_size\nM\n")
