import json
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline import versions


@pytest.fixture
def record(tmp_path, monkeypatch):
    """versions.json in a project's folder."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").touch()
    versions.main([])
    return tmp_path / "versions.json"


def test_what_is_recorded_is_what_is_installed(record):
    recorded = json.loads(record.read_text())
    assert list(recorded) == ["numpy", "pandas", "pandera", "pyarrow", "safetensors", "torch"]
    assert recorded["numpy"] == version("numpy")
    versions.check(*recorded)


def test_recording_twice_gives_the_same_bytes(record):
    before = record.read_bytes()
    versions.main([])
    assert record.read_bytes() == before


def test_to_ask_for_help_records_nothing(record):
    record.unlink()
    with pytest.raises(SystemExit, match="0"):
        versions.main(["--help"])
    assert not record.exists()


def test_the_build_is_no_part_of_a_version(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda package: "2.13.0+cpu")
    assert versions.installed("torch") == "2.13.0"


def test_another_version_is_refused_with_both_numbers_and_the_remedy(record):
    record.write_text(json.dumps(json.loads(record.read_text()) | {"numpy": "1.0"}))
    with pytest.raises(
        ValueError, match=f"numpy must be 1.0 as recorded in versions.json, found {version('numpy')}; .*make"
    ):
        versions.check("pandas", "numpy")


def test_other_packages_are_not_asked_about(record):
    record.write_text(json.dumps(json.loads(record.read_text()) | {"numpy": "1.0"}))
    versions.check("pandas")


def test_a_package_without_a_record_is_refused(record):
    record.write_text("{}")
    with pytest.raises(
        ValueError, match=r"numpy must be recorded in versions.json, found .*python -m pipeline.versions"
    ):
        versions.check("numpy")


def test_a_missing_record_is_refused(record):
    record.unlink()
    with pytest.raises(ValueError, match=r"versions.json is missing: run from the project's folder"):
        versions.check("numpy")
