"""Folders and files that are the user's alone, and those that are not."""

import os
from pathlib import Path

import pytest

from pipeline.runtime.errors import RuleError
from pipeline.runtime.private import main, private, private_folder


def mode(path):
    return oct(path.stat().st_mode & 0o7777)


@pytest.fixture(params=[0o000, 0o022, 0o002, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_a_folder_is_made_for_the_user_alone_whatever_the_umask(tmp_path, umask):
    private_folder(tmp_path / "new")
    private_folder(tmp_path / "new")
    assert mode(tmp_path / "new") == "0o700"


def test_a_file_is_made_for_the_user_alone_whatever_the_umask(tmp_path, umask):
    (tmp_path / "old").write_text("read by all")
    for name in ("new", "old"):
        with open(tmp_path / name, "w", opener=private) as file:
            file.write("read by nobody else")
        assert mode(tmp_path / name) == "0o600"


def test_a_file_that_is_a_link_is_not_written_to(tmp_path):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="link"), open(tmp_path / "link", "w", opener=private):
        pass
    assert (tmp_path / "file").read_text() == "precious"


def test_what_the_umask_has_left_readable_is_closed(tmp_path):
    (tmp_path / "folder/below").mkdir(parents=True)
    (tmp_path / "folder/link").symlink_to("nowhere")
    for path in ("folder", "folder/below"):
        (tmp_path / path).chmod(0o755)
    private_folder(tmp_path / "folder")
    assert mode(tmp_path / "folder") == "0o700"


@pytest.mark.parametrize(
    ("path", "bits"), [("folder", 0o777), ("folder", 0o1777), ("folder/below", 0o777), ("folder/below/file", 0o666)]
)
def test_what_others_may_have_written_is_refused_and_stays_as_it_is(tmp_path, path, bits):
    (tmp_path / "folder/below").mkdir(parents=True)
    (tmp_path / "folder").chmod(0o755)
    (tmp_path / "folder/below/file").touch()
    (tmp_path / path).chmod(bits)
    with pytest.raises(RuleError, match=f"nobody else may write to.*found that others may write to {path};"):
        private_folder(tmp_path / "folder")
    assert mode(tmp_path / path) == oct(bits)


def test_a_folder_whose_place_others_could_take_is_refused_unless_that_is_sticky(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(RuleError, match=r"found one that others may write to; .*chmod go-w that one"):
        private_folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    tmp_path.chmod(0o1777)
    private_folder(tmp_path / "new")


def test_links_and_files_in_its_place_are_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(0o755)
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "to nothing").symlink_to("nowhere")
    (tmp_path / "file").touch()
    for name, found in {"link": "a link to elsewhere", "to nothing": "a link to nowhere", "file": "a file"}.items():
        with pytest.raises(RuleError, match=f"found {found};"):
            private_folder(tmp_path / name)
    assert mode(tmp_path / "elsewhere") == "0o755"
    assert not (tmp_path / "nowhere").exists()


def test_somebody_elses_folder_is_refused(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    real, user = Path.stat, os.geteuid()

    def stat(path, **options):
        found = real(path, **options)
        return os.stat_result((*found[:4], user + 1, *found[5:])) if path == tmp_path else found

    monkeypatch.setattr("pathlib.Path.stat", stat)
    private_folder(tmp_path / "folder")
    monkeypatch.setattr("os.geteuid", lambda: user + 1)
    with pytest.raises(RuleError, match=f"found one of the user with the number {user};"):
        private_folder(tmp_path / "folder")


def test_as_a_program_it_makes_the_folder_or_says_what_is_wrong(tmp_path, capsys):
    main(str(tmp_path / "folder"))
    (tmp_path / "folder").chmod(0o777)
    with pytest.raises(SystemExit, match="1"):
        main(str(tmp_path / "folder"))
    assert "make: " in capsys.readouterr().err
