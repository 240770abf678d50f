from pathlib import Path

import pytest

from pipeline.data.remote import Remote
from pipeline.inference.places import STREAM, answers_name, check_places, is_folder


@pytest.mark.parametrize(("out", "folder"), [("answers", True), ("a.csv", False), ("a.xlsx", False), ("-", False)])
def test_an_output_without_a_dot_is_a_folder(out, folder):
    assert is_folder(Path(out)) is folder


def test_of_a_url_it_is_not_known_yet_whether_it_is_a_folder(tmp_path):
    check_places(Remote("s3://bucket/tables"), tmp_path / "answers")
    check_places(Remote("s3://bucket/tables"), tmp_path / "answers.csv")


def test_one_file_or_stream_has_no_folder_of_answers(tmp_path):
    (tmp_path / "new.csv").touch()
    for table in (tmp_path / "new.csv", STREAM):
        with pytest.raises(ValueError, match=r"must be a \.csv or \.parquet file, .*; the answers to a folder"):
            check_places(table, tmp_path / "answers")


def test_files_of_answers_are_called_as_the_files_that_they_answer():
    assert answers_name("2024/a.parquet") == "2024/a.parquet"
    assert answers_name("2024.01/a") == "2024.01/a.csv"
