"""A pipeline that does not come to its end."""

import psutil  # type: ignore[import-untyped]

from pipeline.nights.record import NightOutcome
from tests.support.night_project import change_settings, night
from tests.support.tiny_project import git


def test_a_pipeline_that_takes_too_long_is_ended_with_all_its_processes(project):
    (project / "train.sh").write_text("sleep 600 & sleep 600\n")
    git(project, "commit", "--quiet", "--all", "--message", "slow")
    change_settings(project, repro_seconds=3)
    result = night(project)
    assert result.outcome == NightOutcome.FAILED
    assert "took longer than 3 s" in result.message
    folders = [process.info["cwd"] or "" for process in psutil.process_iter(["cwd"])]
    assert not [folder for folder in folders if folder.startswith(str(project / "runs"))]
