import pytest

from pipeline.nights.anchor import Anchor, read_anchor
from pipeline.nights.record_files import ANCHOR
from tests.conftest import prepare_settings

MD5 = f"{'0' * 32}.dir"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "metrics").mkdir()
    return tmp_path


def test_what_is_written_is_read(project):
    assert read_anchor(project) is None
    anchor = Anchor(model_md5=MD5, split=prepare_settings().split)
    anchor.write(project)
    assert read_anchor(project) == anchor


@pytest.mark.parametrize(
    ("text", "found"), [("{", "must be JSON"), ('{"model_md5": "../x.dir", "split": null}', "model_md5")]
)
def test_a_damaged_anchor_is_named(project, text, found):
    (project / ANCHOR).write_text(text)
    with pytest.raises(ValueError, match=f"{ANCHOR}.*{found}"):
        read_anchor(project)
