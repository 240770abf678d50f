"""The images, the job that runs one, and the editor's container: pinned, without rights or secrets, of the locks."""

import importlib
import json
import re

import pytest
from ruamel.yaml import YAML

from tests.support.work_tree import ROOT, run

CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
STAGES = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", CONTAINERFILE, flags=re.MULTILINE | re.DOTALL))
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
JOB = YAML(typ="safe").load(ROOT / "schedulers/kubernetes.yaml")["spec"]
POD = JOB["jobTemplate"]["spec"]["template"]["spec"]
CONTAINERS = [*POD["initContainers"], *POD["containers"]]


def copied(stage):
    """What a stage takes from the repository."""
    return [words.split()[:-1] for words in re.findall(r"^COPY (?!--from)(.*)$", STAGES[stage], flags=re.MULTILINE)]


def test_the_only_base_is_pinned_to_one_release():
    bases = re.findall(r"^FROM (\S+) AS", CONTAINERFILE, flags=re.MULTILINE)
    outside = [base for base in bases if base not in STAGES]
    assert len(outside) == 1
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", outside[0])


@pytest.mark.parametrize("stage", ["system", "nightly", "predict"])
def test_an_image_runs_as_a_user_without_rights(stage):
    assert re.findall(r"^USER (.*)$", STAGES[stage], flags=re.MULTILINE)[-1] == "1000:1000"


def test_what_is_copied_exists_and_nothing_else_of_the_repository_is_at_hand():
    sources = {source for stage in STAGES for sources in copied(stage) for source in sources}
    assert sources == {"pipeline", *(f"requirements{part}.lock" for part in ("", "-predict", "-s3", "-torch"))}
    assert all((ROOT / source).exists() for source in sources)
    assert IGNORED[1] == "*"
    assert {line.removeprefix("!") for line in IGNORED if line.startswith("!")} == sources


def test_packages_are_those_of_the_locks_by_their_hashes_but_for_pytorchs_builds():
    installed = re.findall(r"pip install (.*?)(?: \\)?\n", CONTAINERFILE)
    hashed = [
        f"--no-deps --require-hashes --requirement /opt/requirements{part}.lock" for part in ("-predict", "", "-s3")
    ]
    assert installed == [*hashed[:2], "--requirement /opt/requirements-torch.lock", hashed[2]]


def test_no_secret_has_a_place_in_an_image():
    told = re.findall(r"^(?:ARG|ENV) (.*)$", CONTAINERFILE, flags=re.MULTILINE)
    assert not [words for words in told if re.search(r"(?i)key|token|secret|password|://", words)]
    assert re.findall(r"^ARG (.*)$", CONTAINERFILE, flags=re.MULTILINE) == ["PIP_EXTRA_INDEX_URL"]


@pytest.mark.parametrize("stage", ["nightly", "predict"])
def test_an_image_starts_a_command_that_there_is(stage, capsys):
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", STAGES[stage], flags=re.MULTILINE)
    python, option, module = json.loads(entry)
    assert (python, option) == ("python", "-m")
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(module).main(["--help"])
    told = capsys.readouterr().out
    assert "--help" in told
    if arguments := re.findall(r"^CMD (.*)$", STAGES[stage], flags=re.MULTILINE):
        assert json.loads(arguments[0])[0] in told


def test_kubernetes_runs_the_image_of_nights_once_a_night_and_one_at_a_time():
    assert re.fullmatch(r"\d+ \d+ \* \* \*", JOB["schedule"])
    assert (JOB["concurrencyPolicy"], JOB["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    (nightly,) = POD["containers"]
    assert not {"command", "args"} & nightly.keys()
    assert {re.sub(r":[^:]+$", "", each["image"]) for each in CONTAINERS} == {"registry.example.org/salary-nightly"}


def test_the_job_has_no_rights_and_one_container_has_the_remotes_secrets():
    wanted = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000}
    assert POD["securityContext"].items() >= wanted.items()
    assert POD["automountServiceAccountToken"] is False
    for each in CONTAINERS:
        assert each["securityContext"]["allowPrivilegeEscalation"] is False
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [each["name"] for each in CONTAINERS if "secretRef" in str(each)] == ["nightly"]
    assert "value" not in str(POD["containers"][0]["envFrom"])


def test_the_first_job_clones_the_project_and_later_ones_find_it(user, tmp_path):
    command = POD["initContainers"][0]["command"]
    script = command[-1].replace("$REPOSITORY", str(user.parent / "upstream.git"))
    for _ in range(2):
        run(tmp_path, *command[:-1], script)
    assert (tmp_path / POD["containers"][0]["workingDir"].rpartition("/")[2] / "dvc.yaml").exists()


def test_an_editor_works_in_the_same_image_and_installs_the_locks():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    folder = ROOT / ".devcontainer"
    assert (folder / container["build"]["dockerfile"]).resolve() == ROOT / "Containerfile"
    assert (folder / container["build"]["context"]).resolve() == ROOT
    assert container["build"]["target"] in STAGES
    assert f"useradd --create-home --uid 1000 {container['remoteUser']}\n" in CONTAINERFILE
    make, target = container["postCreateCommand"].split()
    assert make == "make"
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
