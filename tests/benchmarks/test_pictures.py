"""The pictures of the docs are those of the sample's report."""

from xml.parsers import expat

import pytest

from benchmarks import pictures
from tests.support.work_tree import ROOT, run


@pytest.fixture
def report(trained):
    """The page of the sample's results."""
    return (trained / pictures.REPORT).read_text(encoding="utf-8")


def test_the_command_writes_the_committed_bytes(trained, tmp_path):
    run(trained, "python", "-m", "benchmarks.pictures", "--out", str(tmp_path))
    drawn = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert drawn.keys() == pictures.PICTURES.keys()
    assert drawn == {name: (ROOT / "docs/pictures" / name).read_bytes() for name in drawn}


@pytest.mark.parametrize("titles", pictures.PICTURES.values())
def test_a_picture_is_well_formed_and_has_its_figures_in_both_schemes(report, titles):
    drawn = pictures.picture(report, titles)
    expat.ParserCreate().Parse(drawn, True)
    assert drawn.count("<svg x=") == len(titles)
    assert all(f"{title}</text>" in drawn for title in titles)
    assert "prefers-color-scheme: dark" in drawn


def test_a_figure_that_the_report_lacks_is_named(report):
    with pytest.raises(ValueError, match="title must end with 'Profits', found none; run dvc repro"):
        pictures.picture(report, ["Profits"])
