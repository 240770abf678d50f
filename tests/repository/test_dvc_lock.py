import json

import pytest

from pipeline.repository.dvc_lock import Artifact, Caches, Stage, artifacts, inputs, md5_of, read_lock

WHOLE = "a" * 32
LISTING = f"{'b' * 32}.dir"
OTHER_LISTING = f"{'c' * 32}.dir"


@pytest.fixture
def caches(tmp_path):
    """A cache that holds one listing, of two files."""
    place = tmp_path / "files/md5" / LISTING[:2] / LISTING[2:]
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps([{"md5": "1", "relpath": "one"}, {"md5": "2", "relpath": "two"}]))
    return Caches((tmp_path / "absent", tmp_path))


def stage(**writes):
    return {"train": Stage({}, writes, {})}


def found(before, after, caches):
    return list(artifacts(before, after, caches=caches))


def test_the_stages_come_in_an_order_in_which_they_can_run(tmp_path):
    def entry(reads, writes):
        deps, outs = ([{"path": path, "md5": "0"} for path in paths] for paths in (reads, writes))
        return {"deps": deps, "outs": outs}

    lock = {
        "evaluate": entry(["models/full/weights", "rows"], ["scores"]),
        "train": entry(["rows"], ["models/full"]),
        "prepare": entry(["table"], ["rows"]),
    }
    (tmp_path / "dvc.lock").write_text(json.dumps({"stages": lock}))
    assert list(read_lock(tmp_path / "dvc.lock")) == ["prepare", "train", "evaluate"]


def test_a_table_at_a_url_has_its_etag(tmp_path):
    (tmp_path / "dvc.lock").write_text("""
stages:
  prepare:
    deps:
    - {path: s3://salaries/a.csv, hash: md5, etag: '01', size: 5}
    - {path: s3://salaries/raw, hash: md5, md5: 02.dir, size: 5, nfiles: 2}
    - {path: https://example.org/a.csv, hash: md5, checksum: '"03"', size: 5}
""")
    etags = {"s3://salaries/a.csv": "01", "s3://salaries/raw": "02.dir", "https://example.org/a.csv": '"03"'}
    assert inputs(read_lock(tmp_path / "dvc.lock")) == etags


def test_a_stage_has_its_inputs_outputs_and_settings(tmp_path):
    (tmp_path / "dvc.lock").write_text("""
stages:
  draw:
    params: {params.yaml: {draw.seed: 1}}
    outs: [{path: table.csv, md5: '12345678901234567890123456789e10', size: 5}]
""")
    written = {"table.csv": "12345678901234567890123456789e10"}
    assert read_lock(tmp_path / "dvc.lock") == {
        "draw": Stage({}, written, {"params.yaml draw.seed": 1}, {"table.csv": 5})
    }


def test_a_lock_with_aliases_is_refused_before_they_are_followed(tmp_path):
    (tmp_path / "dvc.lock").write_text("a: &a [x, x]\nstages: {train: {deps: *a}}")
    with pytest.raises(ValueError, match=r"^dvc.lock must be as DVC wrote it, found .* \*a stands for another part of"):
        read_lock(tmp_path / "dvc.lock")


def test_what_a_stage_writes_is_no_input_of_the_next():
    stages = {
        "prepare": Stage({"table": "1", "code": "2"}, {"rows": "3"}, {}),
        "train": Stage({"rows/train": "4", "code": "2"}, {"model": "5"}, {}),
    }
    assert inputs(stages) == {"table": "1", "code": "2"}


def test_a_folder_counts_file_by_file(caches):
    before = stage(model=LISTING)
    assert found(before, before, caches) == [Artifact("model/one", "1", "1"), Artifact("model/two", "2", "2")]


def test_a_folder_whose_listing_is_not_at_hand_counts_as_one(caches):
    assert found(stage(model=OTHER_LISTING), stage(model=LISTING), caches) == [
        Artifact("model", OTHER_LISTING, LISTING)
    ]


def test_a_file_on_one_side_only_has_one_hash(caches):
    assert found(stage(old=WHOLE), stage(new=WHOLE), caches) == [
        Artifact("new", None, WHOLE),
        Artifact("old", WHOLE, None),
    ]


def test_a_stage_that_ran_for_the_first_time_was_not_recorded(caches):
    assert found({}, stage(new=WHOLE), caches) == [Artifact("new", None, WHOLE)]


def test_a_stage_that_does_not_exist_any_more_is_not_compared(caches):
    assert found(stage(old=WHOLE), {}, caches) == []


def test_the_md5_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert md5_of(tmp_path / "a") == "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321, appendix A.5
