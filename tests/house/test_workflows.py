"""The workflows: actions pinned by commit, the same in all of them, and no more rights than they need."""

import re
import sys
import tomllib

import pytest
from ruamel.yaml import YAML

from tests.support.skips import in_soak
from tests.support.tiny_project import git
from tests.support.work_tree import ROOT, run

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
PULL = "git ls-files -z -- '*.dvc' | xargs -0 --no-run-if-empty .venv/bin/python -m dvc pull --"
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


def test_secrets_reach_the_night_and_a_pull_of_the_table_alone_and_no_command_line():
    steps = [step for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() for step in job["steps"]]
    with_secrets = [step for step in steps if "secrets." in str(step)]
    assert [step["run"] for step in with_secrets] == ["make nightly", PULL]
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


def test_the_tests_run_on_every_python_from_the_oldest_that_the_project_takes():
    pythons = WORKFLOWS["test"]["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={pythons[0]}"
    assert pythons == [f"3.{minor}" for minor in range(11, 11 + len(pythons))]
    assert f"Python {pythons[0]} to {pythons[-1]}" in (ROOT / "docs/how-to.md").read_text(encoding="utf-8")


def test_every_week_both_verifications_run():
    (schedule,) = WORKFLOWS["verify"]["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])
    assert commands("verify").splitlines()[-2:] == ["make verify", "make verify-cpus"]


def test_every_week_the_locks_are_looked_up_and_what_cannot_be_is_a_failure():
    (schedule,) = WORKFLOWS["audit"]["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])
    assert commands("audit") == "make audit"
    (options,) = re.findall(r"^AUDIT = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert "--strict" in options.split()
    for ignored in re.findall(r"--ignore-vuln (\S+)", options):  # each with its reason
        assert ignored in (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_the_site_is_built_as_make_docs_builds_it():
    assert commands("docs") == "make docs"


def test_the_images_are_built_and_one_predicts_what_the_command_does():
    told = commands("image")
    assert "for target in predict nightly; do" in told
    assert "--network none" in told
    assert told.endswith("cmp here.csv there.csv\n")


def test_the_bytes_are_verified_only_with_the_table_and_else_a_warning_says_what_is_missing():
    steps = WORKFLOWS["verify"]["jobs"]["verify"]["steps"]
    (pull,) = (step for step in steps if step.get("id") == "table")
    assert (pull["run"], pull["continue-on-error"]) == (PULL, True)
    conditions = {step["run"].split(":")[0]: step["if"] for step in steps if "if" in step}
    assert conditions == {
        'echo "': "steps.table.outcome == 'failure'",
        "make verify": "steps.table.outcome == 'success'",
    }


@pytest.mark.parametrize("has_remote", [True, *in_soak(False)])
def test_the_pull_brings_a_table_that_dvc_has_or_fails(user, has_remote):
    (user / ".venv").symlink_to(sys.prefix)
    run(user, "bash", "-e", "-c", PULL)  # git has the table
    git(user, "rm", "--quiet", "--cached", "table.csv")
    run(user, "dvc", "add", "--quiet", "table.csv")
    run(user, "dvc", "push", "--quiet")
    git(user, "add", "table.csv.dvc")
    for path in ("table.csv", ".dvc/cache"):
        run(user, "rm", "-r", path)
    if not has_remote:
        (user / ".dvc/config").write_text("")
    said = run(user, "bash", "-e", "-o", "pipefail", "-c", PULL, code=0 if has_remote else 123)
    assert (user / "table.csv").exists() == has_remote
    assert ("no default remote set" in said) != has_remote


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
    assert bool(installed) == (name in ("nightly", "verify"))
