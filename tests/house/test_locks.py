"""The locks: one version of each package in all, its hash, and no place to get it from."""

import re
import shlex
import tomllib

import pytest

from tests.support.work_tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lock(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    """The version of each package, as of `numpy==2.4.6 \\` with its hashes behind it."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock(name), flags=re.MULTILINE))


def packages(requirements: list[str]) -> set[str]:
    """The names of requirements such as `pandera[pandas]>=0.35` or `ruamel.yaml>=0.18`, as the locks spell them."""
    return {re.split(r"[^a-z0-9.-]", requirement)[0].replace(".", "-") for requirement in requirements}


EXTRAS = PROJECT["optional-dependencies"]
LOCKS = tuple(f"requirements{part}.lock" for part in ("", "-predict", "-dev", "-s3", "-cluster", "-tools"))
(TORCH,) = pins("requirements-torch.lock")
"""PyTorch, which has different builds of one version, is locked without a hash in a file of its own."""


def test_what_predicts_has_its_lock_and_what_runs_the_pipeline_has_more_in_the_same_versions():
    run, predict, develop = (pins(name) for name in LOCKS[:3])
    assert packages(PROJECT["dependencies"]) <= predict.keys()
    assert packages(EXTRAS["pipeline"]) - {TORCH} <= run.keys() - predict.keys()
    assert predict.items() < run.items() < develop.items()


def test_the_lock_of_development_has_every_extra():
    assert EXTRAS.keys() >= {"pipeline", "cluster", "dev", "onnx", "mlflow", "s3"}
    extras = ("cluster", "dev", "onnx", "mlflow", "s3")
    wanted = packages([requirement for name in extras for requirement in EXTRAS[name]])
    assert wanted <= pins("requirements-dev.lock").keys() | {TORCH}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_each_package_and_names_neither_hosts_nor_builds(name):
    entries = re.findall(
        r"^(\S+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)(?:    # .*\n)+", lock(name), re.MULTILINE
    )
    assert {package for package, _ in entries} == pins(name).keys()
    assert not re.search(r"://|\d\+[a-z]", lock(name))


@pytest.mark.parametrize("extra", ["s3", "cluster"])
def test_the_lock_of_an_addition_repeats_nothing_and_has_the_versions_of_development(extra):
    added, locked = pins(f"requirements-{extra}.lock"), pins("requirements.lock")
    assert packages(EXTRAS[extra]) <= added.keys() | locked.keys()
    assert not added.keys() & locked.keys()
    assert added.items() <= pins("requirements-dev.lock").items()


def test_the_lock_of_pytorch_is_the_version_of_the_project():
    for extra in ("pipeline", "onnx"):
        assert lock("requirements-torch.lock").strip() in EXTRAS[extra]


def test_the_tools_are_those_that_make_uses():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (wanted,) = re.findall(r"printf '%s\\n' (.*?) \| pip-compile", makefile)
    assert packages(shlex.split(wanted)) <= pins("requirements-tools.lock").keys()
    assert set(re.findall(r"\.cache/tools/bin/(\S+)", makefile)) == {"mkdocs", "pip-audit", "python"}
