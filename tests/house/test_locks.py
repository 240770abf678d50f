"""The locks: one version of each package in both, all extras in that of development, and no place to get them from."""

import re
import shlex
import tomllib

import pytest

from tests.support.work_tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lock(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    """The version of each package, as of `numpy==2.4.6   # via pandas`."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock(name), flags=re.MULTILINE))


def packages(requirements: list[str]) -> set[str]:
    """The names of requirements such as `pandera[pandas]>=0.35` or `ruamel.yaml>=0.18`, as the locks spell them."""
    return {re.split(r"[^a-z0-9.-]", requirement)[0].replace(".", "-") for requirement in requirements}


def test_the_lock_of_development_has_what_runs_in_the_same_version():
    assert packages(PROJECT["dependencies"]) <= pins("requirements.lock").keys()
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_the_lock_of_development_has_every_extra():
    extras = PROJECT["optional-dependencies"]
    assert extras.keys() == {"dev", "onnx"}
    assert not packages([*extras["dev"], *extras["onnx"]]) - pins("requirements-dev.lock").keys()


def test_a_lock_names_versions_and_neither_hosts_nor_builds():
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = [line for line in lock(name).splitlines() if line and not line.startswith("#")]
        assert len(pins(name)) == len(lines)
        assert not re.search(r"://|\d\+[a-z]", lock(name))


@pytest.mark.parametrize("name", ["requirements-s3.lock", "requirements-tools.lock"])
def test_a_lock_that_is_installed_by_hashes_has_one_for_all_and_no_host(name):
    hashes = r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
    hashed = re.findall(rf"^(\S+)==\S+ \\\n{hashes}(?:    # .*\n)+", lock(name), re.M)
    assert set(hashed) == pins(name).keys()
    assert "://" not in lock(name)


def test_the_lock_of_s3_repeats_nothing():
    assert "dvc-s3" in pins("requirements-s3.lock")
    assert not pins("requirements-s3.lock").keys() & pins("requirements.lock").keys()


def test_the_tools_are_those_that_make_uses():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (wanted,) = re.findall(r"printf '%s\\n' (.*?) \| pip-compile", makefile)
    assert packages(shlex.split(wanted)) <= pins("requirements-tools.lock").keys()
    assert set(re.findall(r"\.cache/tools/bin/(\S+)", makefile)) == {"mkdocs", "pip-audit", "python"}
