import shutil

from pipeline.repository.consumer import get_as_consumer
from tests.support.tiny_project import workspace
from tests.support.work_tree import run


def test_a_folder_of_the_commit_comes_from_the_remote_alone(user, tmp_path):
    run(user, "dvc", "push", "--quiet")
    night = workspace(user)
    shutil.rmtree(night.cache)
    (tmp_path / "empty").mkdir()
    got = get_as_consumer(night, "models", temporary=tmp_path / "empty", seconds=60)
    assert (got / "weights").read_bytes() == (user / "models/weights").read_bytes()
