import pytest

from pipeline import check, params
from pipeline.runtime.command import GO_BACK
from tests.support.http_files import serving
from tests.support.settings import write_settings


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder that is the project's, for all that `params.check` knows, and the current one; with settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "__file__", str(tmp_path / "pipeline/params.py"))
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/a.csv").touch()
    write_settings(tmp_path, data={"path": "tables/a.csv"})
    return tmp_path


def test_right_settings_need_no_word(here, capsys):
    check.main([])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("b.csv", f"none, b.csv; {check.BRING_IT}"),
        ("tables/*.csv", f"a pattern, tables/*.csv; {check.FOLDER_FOR_PATTERN}"),
    ],
)
def test_the_raw_table_must_be_a_file_or_a_folder(here, path, found, capsys):
    write_settings(here, data={"path": path})
    with pytest.raises(SystemExit, match="1"):
        check.main([])
    cause, way_back = capsys.readouterr().err.splitlines()
    assert cause == f"check: params.yaml: data.path must be a file or a folder; found {found}"
    assert way_back == f"Nothing has run. Once this is mended, make repro goes on; or {GO_BACK}"


def test_the_raw_table_may_be_a_folder_that_holds_one(here, capsys):
    write_settings(here, data={"path": "tables"})
    check.main([])
    (here / "tables/a.csv").unlink()
    with pytest.raises(SystemExit, match="1"):
        check.main([])
    assert "found a folder without one; set data.path" in capsys.readouterr().err


def test_the_raw_table_may_be_at_a_url_where_there_is_one(here, capsys):
    with serving() as web:
        write_settings(here, data={"path": f"{web.url}/a.csv"})
        web.bodies["/a.csv"] = b""
        check.main([])
        del web.bodies["/a.csv"]
        with pytest.raises(SystemExit, match="1"):
            check.main([])
    assert f"check: {web.url}/a.csv must be readable, found" in capsys.readouterr().err


def test_all_settings_are_checked_before_the_table_is_looked_for(here, capsys):
    write_settings(here, data={"path": "b.csv"}, nightlies={})
    with pytest.raises(SystemExit, match="1"):
        check.main([])
    assert capsys.readouterr().err.startswith(
        "check: params.yaml: nightlies: no such setting; found {}\nNothing has run."
    )
