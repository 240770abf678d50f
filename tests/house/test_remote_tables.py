"""A raw table on S3, here of a server on this machine: the same bytes as from a folder, and a change runs it again."""

import gzip
import json
import re
from functools import partial
from multiprocessing import get_context

import pytest

from pipeline.data.part_check import check_part
from pipeline.data.parts import plan
from pipeline.data.remote import Remote, RemoteError, place_of
from pipeline.data.table_files import table_files
from tests.conftest import prepare_settings
from tests.support.skips import reason
from tests.support.tables import parquet, rows, table
from tests.support.work_tree import run

FILES = {
    "b.csv": table(rows(600)),
    "2024/c.parquet": parquet(table(rows(200))),
    "a.csv.gz": gzip.compress(table(rows(100))),
    "_SUCCESS": b"",
}


@pytest.fixture(scope="module")
def s3():
    """A server with the bucket `salaries`, in whose folder `raw` these files are, and which the environment names."""
    moto = pytest.importorskip("moto.server", reason=reason("moto's server is not installed", to_run="make test"))
    s3fs = pytest.importorskip("s3fs", reason=reason("s3fs is not installed", to_run="make test"))
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        s3fs.S3FileSystem.clear_instance_cache()  # those of other tests know another server
        system = s3fs.S3FileSystem(use_listings_cache=False)
        system.mkdir("salaries")
        system.pipe({f"salaries/raw/{name}": data for name, data in FILES.items()} | {"salaries/raw/": b""})
        yield system
    server.stop()


def local_folder(folder):
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_folder_on_s3_gives_the_bytes_of_the_same_folder_here(s3, stages, tmp_path):
    here, there = stages(), stages()
    here.run(local_folder(tmp_path / "raw"), part_bytes=10_000, block_bytes=4_000)
    there.run(place_of("s3://salaries/raw/"), part_bytes=10_000, block_bytes=4_000)
    assert there.metrics["rows"] == 900
    assert there.files() == here.files()


def test_a_message_names_the_file_and_the_line(s3, stage):
    s3.pipe("salaries/broken/b.csv", table([*rows(30), "2023,SE"]))
    s3.pipe("salaries/broken/a.csv", table(rows(30)))
    with pytest.raises(
        ValueError, match=r"(?s)^s3://salaries/broken: 1 of 61 rows .* b\.csv, line 32: found '2023,SE'"
    ):
        stage.run(place_of("s3://salaries/broken"))


def test_one_file_on_s3_is_a_table(s3):
    (file,) = Remote("s3://salaries/raw/b.csv").files().values()
    assert (file.url, file.size) == ("s3://salaries/raw/b.csv", len(FILES["b.csv"]))
    assert re.fullmatch("[0-9a-f]{32}", file.etag)


@pytest.mark.parametrize(
    ("url", "found"), [("s3://salaries/none", "nothing there"), ("s3://nobody/raw", "NoSuchBucket: .*")]
)
def test_what_is_not_there_is_named(s3, url, found):
    with pytest.raises(
        RemoteError, match=rf"^{url} must be readable, found {found}; check the address, the credentials"
    ):
        table_files(place_of(url))


@pytest.mark.soak
def test_a_part_is_checked_in_a_fresh_process_which_leaves_its_spills_on_s3(s3):
    check = partial(check_part, settings=prepare_settings(), scratch=place_of("s3://salaries/scratch"))
    parts = plan(table_files(place_of("s3://salaries/raw")), part_bytes=10_000)
    with get_context("spawn").Pool(2) as pool:
        checked = pool.map(check, parts)
    spills = [spill for each in checked for spill in each.clean]
    assert sum(spill.rows(again=check).num_rows for spill in spills) == 900
    assert len(s3.find("salaries/scratch")) == len(spills) == len(parts)


def edit_path(clone, path):
    file = clone / "params.yaml"
    file.write_text(re.sub(r"(?m)^  path: .*", f"  path: {path}", file.read_text(encoding="utf-8")), encoding="utf-8")


def prepared(clone):
    return {file.name: file.read_bytes() for file in (clone / "data/prepared").iterdir()}


@pytest.mark.soak
def test_a_user_names_a_folder_on_s3_and_what_changes_there_runs_again(s3, clone):
    sample = (clone / "data/raw/salaries.csv").read_bytes()
    header, *lines = sample.splitlines(keepends=True)
    local = clone / "data/raw/folder"
    local.mkdir()
    for name, part in {"1.csv": lines[:2000], "2.csv": lines[2000:]}.items():
        (local / name).write_bytes(header + b"".join(part))
    edit_path(clone, "data/raw/folder")
    run(clone, "dvc", "repro", "prepare")
    expected = prepared(clone)
    s3.put(f"{local}/", "salaries/sample/", recursive=True)
    edit_path(clone, "s3://salaries/sample")
    run(clone, "python", "-m", "pipeline.check")
    assert "Running stage 'report'" in run(clone, "dvc", "repro")
    assert prepared(clone) == expected
    card = (clone / "metrics/cards/full.md").read_text(encoding="utf-8")
    assert re.search(r"The raw table is sample, of 4,\d{3} clean rows .*\nIts SHA-256 of etags is `[0-9a-f]{64}`", card)
    assert json.loads(run(clone, "dvc", "status", "--json")) == {}
    assert "up to date" in run(clone, "dvc", "repro")
    assert "Not up to date" not in run(clone, "python", "-m", "pipeline.results")
    s3.pipe("salaries/sample/2.csv", header + b"".join(lines[2001:]))
    assert "Running stage 'prepare'" in run(clone, "dvc", "repro", "prepare")
    assert prepared(clone) != expected
