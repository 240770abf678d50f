import os

import pytest

from pipeline.nights.one_at_a_time import only_one
from pipeline.runtime.errors import BusyError


def test_whoever_comes_second_is_told_who_runs_and_what_to_do(tmp_path):
    rule = "this command must not run beside a night, a rollback or a gc of the same project"
    found = rf"{rule}, found process {os.getpid()}, since .* UTC; wait for its end, or end it"
    with only_one(tmp_path), pytest.raises(BusyError, match=found), only_one(tmp_path):
        pass


def test_two_projects_do_not_wait_for_each_other(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with only_one(tmp_path / "one"), only_one(tmp_path / "other"):
        assert (tmp_path / "other/.cache/nightly.lock").is_file()
