"""The folders that a fresh clone has, and what their READMEs say of them."""

import re
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from tests.support.work_tree import ROOT, run

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def readme(folder: str) -> str:
    return (ROOT / folder / "README.md").read_text(encoding="utf-8")


def written(folder: str) -> set[str]:
    """What the stages write into the folder, as dvc.yaml names it."""
    stages = [stage.get("do", stage) for stage in STAGES.values()]
    outputs = [output for stage in stages for kind in ("outs", "metrics") for output in stage.get(kind, [])]
    paths = [path for output in outputs for path in (output if isinstance(output, dict) else [output])]
    return {path.removeprefix(f"{folder}/") for path in paths if path.startswith(f"{folder}/")}


@pytest.mark.parametrize("folder", ["data", "metrics", "models"])
def test_a_fresh_clone_has_the_folder_and_says_what_it_holds(folder):
    tracked = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", "--", folder).splitlines()
    assert f"{folder}/README.md" in tracked
    assert readme(folder).startswith(f"# {folder}\n")


@pytest.mark.parametrize("folder", ["data", "metrics"])
def test_all_that_the_stages_write_there_is_explained(folder):
    names = {path.rpartition("/")[2].replace("${key}", "<recipe>") for path in written(folder)}
    assert len(names) > 3
    assert not [name for name in names if not re.search(rf"[`/]{re.escape(name)}`", readme(folder))]


def test_every_file_of_a_bundle_is_explained_and_no_other(trained):
    explained = re.findall(r"^\| `(\S+)` \|", readme("models"), flags=re.MULTILINE)
    for recipe in ("course", "full"):
        assert sorted(explained) == sorted(path.name for path in (trained / "models" / recipe).iterdir())


def test_the_example_of_loading_a_bundle_runs(trained):
    (example,) = re.findall(r"^```python\n(.*?)^```$", readme("models"), flags=re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=trained, check=True, capture_output=True, text=True)
    assert "job_title" in done.stdout


def test_dvc_finds_its_outputs_ignored_and_adds_no_line(trained):
    changed = run(trained, "git", "status", "--porcelain", "--untracked-files=all").splitlines()
    assert not [line for line in changed if "gitignore" in line or line.startswith("??")]
    assert run(trained, "git", "check-ignore", "models/full", "data/prepared").split() == [
        "models/full",
        "data/prepared",
    ]


def test_make_clean_takes_what_is_made_and_leaves_what_git_keeps(clone):
    run(clone, "make", "clean")
    assert not [path for path in ("models/full", "data/prepared") if (clone / path).exists()]
    assert [path.name for path in (clone / ".cache").iterdir()] == ["dvc"]
    assert run(clone, "git", "ls-files", "--deleted") == ""
