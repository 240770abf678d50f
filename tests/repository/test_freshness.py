import json

import pytest

from pipeline.repository.freshness import changed_stages
from tests.support.skips import in_soak
from tests.support.work_tree import run

STAGES = """
stages:
  prepare:
    cmd: mkdir -p prepared && cat table.csv >prepared/rows && wc -l <table.csv >rows.txt
    deps: [table.csv]
    params: [prepare.split]
    outs: [prepared]
    metrics: [rows.txt: {cache: false}]
  train:
    cmd: mkdir -p model/deep && cat prepared/rows code.py >model/weights && cp code.py model/deep/code
    deps: [prepared, code.py]
    params: [recipes.full, versions.json: [numpy]]
    outs: [model]
"""
NAMES = ["prepare", "train"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project of two stages that has run, not to be changed."""
    folder = tmp_path_factory.mktemp("project")
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    files = {
        "dvc.yaml": STAGES,
        "table.csv": "a\n1\n",
        "code.py": "one\n",
        "params.yaml": "prepare: {split: {share: 0.2, salt: s}, other: 1}\nrecipes: {full: {epochs: 1}, course: {}}\n",
        "versions.json": json.dumps({"numpy": "2", "pandas": "3"}),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    run(folder, "dvc", "repro", "--quiet")
    return folder


@pytest.fixture
def project(made, tmp_path):
    run(tmp_path, "cp", "-a", f"{made}/.", ".")
    return tmp_path


def in_dvcs_words(project):
    return list(json.loads(run(project, "dvc", "status", "--json")))


def edit(project, name, old, new):
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


def test_after_a_run_nothing_has_changed(project):
    assert changed_stages(NAMES, folder=project) == in_dvcs_words(project) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("table.csv", "1", "2", ["prepare"]),
        ("code.py", "one", "two", ["train"]),
        ("params.yaml", "0.2", "0.3", ["prepare"]),
        ("params.yaml", "share: 0.2, salt: s", "salt: 's', share: 2e-1", []),
        ("rows.txt", "2", "3", ["prepare"]),
        ("model/deep/code", "one", "two", ["train"]),
        ("prepared/rows", "1", "2", ["prepare", "train"]),
        *in_soak(
            ("params.yaml", "other: 1", "other: 2", []),
            ("params.yaml", "epochs: 1", "epochs: 2", ["train"]),
            ("params.yaml", "course: {}", "course: {epochs: 2}", []),
            ("versions.json", '"2"', '"2.1"', ["train"]),
            ("model/weights", "one", "two", ["train"]),
        ),
    ],
)
def test_it_names_the_stages_that_dvc_status_names(project, name, old, new, expected):
    edit(project, name, old, new)
    assert changed_stages(NAMES, folder=project) == in_dvcs_words(project) == expected


def test_a_file_more_in_a_folder_is_a_change_and_a_missing_table_too(project):
    (project / "model/more").write_text("")
    (project / "table.csv").unlink()
    assert changed_stages(NAMES, folder=project) == ["prepare", "train"]


def test_a_stage_that_ran_after_its_reader_is_noticed_by_the_reader(project):
    edit(project, "table.csv", "1", "2")
    run(project, "dvc", "repro", "--quiet", "--single-item", "prepare")
    assert changed_stages(NAMES, folder=project) == in_dvcs_words(project) == ["train"]
    run(project, "rm", "-r", "prepared")
    assert changed_stages(NAMES, folder=project) == ["train"]


def test_outputs_that_are_not_checked_out_have_not_changed(project):
    run(project, "rm", "-r", "prepared", "model")
    assert changed_stages(NAMES, folder=project) == []


def test_what_is_not_recorded_is_not_up_to_date(project):
    assert changed_stages([*NAMES, "evaluate"], folder=project) == ["evaluate"]
    (project / "dvc.lock").unlink()
    assert changed_stages(NAMES, folder=project) == NAMES


def test_a_table_at_a_url_counts_as_it_is_recorded(project):
    edit(project, "dvc.lock", "    - path: table.csv\n", "    - path: s3://salaries/raw\n      etag: 0123\n")
    assert changed_stages(NAMES, folder=project) == []


def test_a_setting_that_is_gone_has_changed(project):
    (project / "params.yaml").write_text("prepare: none\n")
    assert changed_stages(NAMES, folder=project) == NAMES
