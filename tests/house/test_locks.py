"""The locks: one version of each package in both, all extras in that of development, and no place to get them from."""

import re
import tomllib

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


def test_the_lock_of_s3_has_a_hash_for_all_that_it_adds_and_repeats_nothing():
    entries = re.findall(
        r"^(\S+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)(?:    # .*\n)+",
        lock("requirements-s3.lock"),
        re.M,
    )
    assert {name for name, _ in entries} == pins("requirements-s3.lock").keys()
    assert "dvc-s3" in pins("requirements-s3.lock")
    assert not pins("requirements-s3.lock").keys() & pins("requirements.lock").keys()
    assert "://" not in lock("requirements-s3.lock")
