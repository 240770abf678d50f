import os
import shutil
import subprocess
import sys

import pytest

from pipeline import report
from pipeline.runtime.command import WAY_BACK
from tests.support.recipes import make_recipe
from tests.support.reports import write_lock, write_metrics
from tests.support.settings import write_settings
from tests.support.work_tree import ROOT

ARGUMENTS = [
    *("--metrics", "metrics", "--lock", "some.lock"),
    *("--markdown", "metrics/report.md", "--page", "metrics/report.html"),
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with all that the stage reads, and the current one."""
    return make_project(tmp_path / "a project", monkeypatch)


def make_project(folder, monkeypatch):
    folder.mkdir()
    shutil.copy(ROOT / "versions.json", folder)
    write_metrics(folder, one={}, two={"test_mse_usd2": 1.0, "test_mse_over_ridge_low": 1.5})
    write_lock(folder, "one", "two")
    recipe = make_recipe().model_dump(mode="json")
    write_settings(folder, data={"path": "raw.csv"}, recipes={"one": recipe, "two": recipe})
    monkeypatch.chdir(folder)
    return folder


def reports(folder):
    return [(folder / f"metrics/report.{kind}").read_bytes() for kind in ("md", "html")]


def test_it_writes_the_same_report_as_text_and_as_a_page(project):
    report.main(ARGUMENTS)
    for text in reports(project):
        assert "The best recipe, two, predicts the salaries of 340 test rows" in text.decode()
        assert "two (worse than ridge)" in text.decode()
        assert "one (worse than ridge)" not in text.decode()


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_same_numbers_give_the_same_bytes_in_another_process_and_folder(project, tmp_path, monkeypatch, seed):
    report.main(ARGUMENTS)
    other = make_project(tmp_path / f"elsewhere {seed}", monkeypatch)
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-m", "pipeline.report", *ARGUMENTS], cwd=other, env=environment, check=True)
    assert reports(other) == reports(project)


@pytest.mark.parametrize(
    "name", ["metrics/recipes/two.json", "metrics/prepare.json", "metrics/plots/one/slices.csv", "raw.csv", "some.lock"]
)
def test_a_missing_file_ends_it_with_its_name_and_what_to_do(project, name, capsys):
    (project / name).unlink()
    with pytest.raises(SystemExit, match="1"):
        report.main(ARGUMENTS)
    message = f"report: {name} must be there, found none; run dvc repro, which makes it\n{WAY_BACK}\n"
    assert capsys.readouterr().err == message
    assert not (project / "metrics/report.md").exists()
    assert not (project / "metrics/report.html").exists()


def test_as_a_process_it_says_so_in_one_line_and_fails(project):
    (project / "metrics/recipes/two.json").unlink()
    command = [sys.executable, "-m", "pipeline.report", *ARGUMENTS]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    message = "report: metrics/recipes/two.json must be there, found none; run dvc repro, which makes it"
    assert done.stderr == f"{message}\n{WAY_BACK}\n"


def test_wrong_settings_end_it_with_their_place(project, capsys):
    write_settings(project, recipes={"one": {"features": []}})
    with pytest.raises(SystemExit, match="1"):
        report.main(ARGUMENTS)
    assert capsys.readouterr().err.startswith("report: params.yaml: recipes.one")


def test_it_refuses_to_report_what_is_not_of_todays_stages(project, capsys):
    write_lock(project, "two")
    with pytest.raises(SystemExit, match="1"):
        report.main(ARGUMENTS)
    rule = "what is reported must be of today's table, code and settings, found other ones of train@one, evaluate@one"
    fix = "run dvc repro, which runs these stages first"
    assert capsys.readouterr().err == f"report: {rule}; {fix}\n{WAY_BACK}\n"
    assert not (project / "metrics/report.md").exists()
