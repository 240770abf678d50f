import io
from pathlib import Path

import pytest

from pipeline.data.remote import Remote
from pipeline.inference.places import STREAM, answers_names, check_places, is_folder, jobs_of


def named(*files):
    return dict.fromkeys(files, Path("table"))


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


def test_a_folder_of_answers_must_be_new_even_a_link_to_nothing_is_something(tmp_path):
    (tmp_path / "answers").symlink_to("nowhere")
    with pytest.raises(ValueError, match="the folder of answers must be new, found a file"):
        check_places(tmp_path, tmp_path / "answers")


def test_files_of_answers_are_called_as_the_files_that_they_answer():
    names = answers_names(named("2024/a.parquet", "2024.01/a", "2024.01/b.csv.gz", "2024.01/b.txt"))
    assert list(names.values()) == ["2024/a.parquet", "2024.01/a.csv", "2024.01/b.csv", "2024.01/b.txt.csv"]


@pytest.mark.parametrize(
    "files", [("a.csv.gz", "a.csv"), ("a", "0.csv", "a.csv"), ("x.csv/part.csv", "x.csv.gz", "x.csv0")]
)
def test_two_files_never_share_a_file_of_answers_nor_is_one_the_folder_of_another(files):
    with pytest.raises(ValueError, match=r"must have a name of its own, .*; found (a|x)\S* and (a|x)\S*; rename one"):
        answers_names(named(*files))


def test_nothing_is_left_of_a_folder_of_answers_if_the_block_fails(tmp_path):
    def interrupted():
        with jobs_of(tmp_path, named("a.csv", "b.csv"), tmp_path / "answers") as jobs:
            job = next(jobs)
            assert (job.where, job.suffix, list(job.files)) == ("table", ".csv", ["a.csv"])
            job.out.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_answers_to_standard_output_are_one_job(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    with jobs_of(STREAM, {}, STREAM) as jobs:
        (job,) = jobs
    assert (job.where, job.suffix, job.files) == ("standard input", ".csv", {})
