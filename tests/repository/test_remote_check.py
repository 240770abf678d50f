import shutil

import pytest

from pipeline.repository.project import Project
from pipeline.repository.remote_check import NAME
from pipeline.runtime.errors import CommandError


def test_a_remote_that_takes_a_file_has_nothing_more_afterwards(user):
    remote = user.parent / "remote"
    Project.at(user).check_remote(seconds=60)
    assert not [*remote.iterdir()]
    (remote / NAME).write_text("of one that was killed")
    Project.at(user).check_remote(seconds=60)
    assert not [*remote.iterdir()]


def test_a_remote_that_takes_none_says_why_in_a_line(user):
    shutil.rmtree(user.parent / "remote")
    (user.parent / "remote").write_text("no folder")
    with pytest.raises(CommandError, match=r"ended with code 1\n.*File exists") as raised:
        Project.at(user).check_remote(seconds=60)
    assert "Traceback" not in str(raised.value)
    assert (user.parent / "remote").read_text() == "no folder"


def test_a_remote_without_its_protocol_says_what_to_install(user):
    (user / ".dvc/config").write_text(
        "[core]\n    remote = store\n['remote \"store\"']\n    url = oss://bucket/folder\n"
    )
    with pytest.raises(CommandError, match="is supported, but requires 'dvc-oss' to be installed"):
        Project.at(user).check_remote(seconds=60)
