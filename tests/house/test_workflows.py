"""The workflows: actions pinned by commit, the same in all of them, and no more rights than they need."""

import re

import pytest
from ruamel.yaml import YAML

from tests.support.work_tree import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOWS = {file.stem: YAML(typ="safe").load(file) for file in FILES}


def commands(workflow: str) -> str:
    return "\n".join(
        step["run"] for job in WORKFLOWS[workflow]["jobs"].values() for step in job["steps"] if "run" in step
    )


def test_every_action_is_pinned_to_one_commit():
    used = re.findall(r"uses: (\S+)@(.*)", "".join(file.read_text(encoding="utf-8") for file in FILES))
    assert all(re.fullmatch(r"[0-9a-f]{40} # v[0-9.]+", commit) for _, commit in used)
    assert len(set(used)) == len({action for action, _ in used})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_the_repository(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}


def test_only_the_night_may_write_and_only_to_the_repository():
    jobs = [(name, job) for workflow in WORKFLOWS.values() for name, job in workflow["jobs"].items()]
    writing = {name: job["permissions"] for name, job in jobs if "write" in job.get("permissions", {}).values()}
    assert writing == {"nightly": {"contents": "write"}, "compare": {"contents": "read", "pull-requests": "write"}}
    assert WORKFLOWS["nightly"]["concurrency"] == {"group": "nightly"}


def test_secrets_reach_the_night_alone_and_no_command_line():
    steps = [step for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() for step in job["steps"]]
    with_secrets = [step for step in steps if "secrets." in str(step)]
    assert [step["run"] for step in with_secrets] == ["make nightly"]
    kept = [step for step in steps if step.get("with", {}).get("persist-credentials") is not False]
    assert [step.get("with", {}).get("fetch-depth") for step in kept if "checkout" in step.get("uses", "")] == [0]


def test_the_tests_run_in_a_folder_with_a_space_and_a_letter_that_is_not_ascii():
    job = WORKFLOWS["test"]["jobs"]["test"]
    checkout, python, tests = job["steps"]
    folder = checkout["with"]["path"]
    assert " " in folder
    assert not folder.isascii()
    assert job["defaults"]["run"]["working-directory"] == folder
    assert python["with"]["cache-dependency-path"] == "*/requirements*.lock"
    assert tests == {"run": "make test"}


def test_every_week_both_verifications_run():
    (schedule,) = WORKFLOWS["verify"]["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])
    assert commands("verify").splitlines()[-2:] == ["make verify", "make verify-cpus"]


def test_every_target_that_a_workflow_makes_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    made = set(re.findall(r"^make (\S+)", "\n".join(map(commands, WORKFLOWS)), flags=re.MULTILINE))
    assert made
    assert not {target for target in made if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_a_workflow_installs_by_pip_is_hashed(name):
    installed = re.findall(r"pip install (.*)", commands(name))
    pinned = re.compile(r"--quiet --no-deps --require-hashes --requirement requirements-\w+\.lock")
    assert not [words for words in installed if not pinned.fullmatch(words)]
    assert bool(installed) == (name == "nightly")
