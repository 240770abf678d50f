import os

import pytest

from pipeline.data.remote import Remote
from pipeline.data.table_files import table_files


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()


def test_a_file_is_all_of_its_table(tmp_path):
    make(tmp_path, "b.csv", "a.csv")
    assert table_files(tmp_path / "b.csv") == {"b.csv": tmp_path / "b.csv"}


def test_the_files_of_a_folder_come_in_the_order_of_their_names(tmp_path):
    make(tmp_path, "b.csv", "2024/c.parquet", "a.csv.gz", "B.csv")
    assert list(table_files(tmp_path)) == ["2024/c.parquet", "B.csv", "a.csv.gz", "b.csv"]


def test_what_programs_leave_in_a_folder_is_no_table(tmp_path):
    make(tmp_path, "a.csv", "_SUCCESS", ".gitignore", ".ipynb_checkpoints/a.csv")
    assert list(table_files(tmp_path)) == ["a.csv"]


@pytest.mark.parametrize("names", [[], [".gitignore"]])
def test_a_folder_without_a_table_is_refused(tmp_path, names):
    make(tmp_path, *names)
    with pytest.raises(
        ValueError, match=r"a folder of such, found a folder without one; set data\.path in params\.yaml"
    ):
        table_files(tmp_path)


def test_a_missing_file_names_the_setting(tmp_path):
    with pytest.raises(
        ValueError, match=r"must be a CSV or Parquet file, .*, found nothing; set data\.path in params\."
    ):
        table_files(tmp_path / "missing.csv")


def test_a_file_that_cannot_be_read_as_one_is_not_passed_over(tmp_path):
    (tmp_path / "a.csv").symlink_to("elsewhere.csv")
    with pytest.raises(ValueError, match=r"a\.csv: .*, found a link to nothing"):
        table_files(tmp_path)
    (tmp_path / "a.csv").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "linked").symlink_to("elsewhere")
    with pytest.raises(ValueError, match=r"linked: .*, found a link to a folder"):
        table_files(tmp_path)
    (tmp_path / "linked").unlink()
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"a\.csv: .*, found no regular file"):
        table_files(tmp_path)


@pytest.mark.parametrize("name", ["a\n.csv", os.fsdecode(b"caf\xe9.csv")])
def test_a_name_that_no_report_could_show_is_refused(tmp_path, name):
    make(tmp_path, name)
    with pytest.raises(ValueError, match=r"names of files must be printable UTF-8, .*, found '.*\\"):
        table_files(tmp_path)


@pytest.mark.parametrize("name", ["/etc/a.csv", "2024//a.csv"])
def test_a_name_at_a_url_that_would_be_another_path_here_is_refused(monkeypatch, name):
    monkeypatch.setattr(Remote, "files", lambda folder: {name: folder / name})
    with pytest.raises(ValueError, match=f"without an empty part between slashes, found '{name}'; rename it"):
        table_files(Remote("s3://bucket/tables"))
