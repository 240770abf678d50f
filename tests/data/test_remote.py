"""Tables at URLs, here of a web server on this machine; those on S3 are in tests/house/test_remote_tables.py."""

import importlib.util
import pickle

import pytest

from pipeline.data.parts import plan
from pipeline.data.remote import Remote, RemoteError, place_of
from pipeline.data.source import open_table
from pipeline.data.spills import read_spill, write_spill
from pipeline.data.table_files import check_unchanged, table_files
from pipeline.runtime.packages import MissingPackageError
from tests.support.http_files import serving
from tests.support.tables import batch, parquet, rows, table

DATA = table(rows(1000) * 100)  # 5 MB


@pytest.fixture
def web():
    with serving() as files:
        files.bodies["/a.csv"] = DATA
        yield files


def listed(web):
    """The file as it is now."""
    (file,) = table_files(place_of(f"{web.url}/a.csv")).values()
    return file


def pickled(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301 (our own)


def test_a_file_comes_with_its_etag_and_size(web):
    file = listed(web)
    assert (file.url, file.name, file.size) == (f"{web.url}/a.csv", "a.csv", len(DATA))
    before = file.etag
    web.bodies["/a.csv"] += b"\n"
    assert listed(web).etag != before


def test_it_reads_as_a_file_on_this_machine_does(web, tmp_path):
    (tmp_path / "a.csv").write_bytes(DATA)
    with listed(web).open("rb") as remote, (tmp_path / "a.csv").open("rb") as local:
        for offset, whence, size in [
            (0, 0, 100),
            (50, 0, 10),
            (7, 1, 1 << 21),
            (-9, 2, 100),
            (5, 2, 9),
            (3, 0, len(DATA)),
        ]:
            assert remote.seek(offset, whence) == local.seek(offset, whence)
            assert remote.read(size) == local.read(size)
            assert remote.tell() == local.tell()
            assert remote.readline() == local.readline()


def test_the_plan_reads_only_the_head_the_tail_and_what_is_before_borders(web, tmp_path):
    (tmp_path / "a.csv").write_bytes(DATA)
    remote, local = (
        plan(table_files(place), part_bytes=3 << 20) for place in (place_of(f"{web.url}/a.csv"), tmp_path / "a.csv")
    )
    assert [(part.start, part.end) for part in remote] == [(part.start, part.end) for part in local]
    assert len(local) == 2
    assert web.sent < len(DATA) * 0.75


def test_a_part_is_read_by_its_ranges_alone(web):
    part, _ = plan(table_files(place_of(f"{web.url}/a.csv")), part_bytes=len(DATA) // 2)
    before = web.sent
    size = sum(len(block.text) for block in pickled(part).blocks())
    assert abs(size - len(DATA) / 2) < 1000
    assert web.sent - before < len(DATA) * 0.75


def test_a_file_that_has_changed_is_not_read_any_more(web):
    file = listed(web)
    web.bodies["/a.csv"] = DATA.replace(b"SE", b"EN")
    with pytest.raises(RemoteError, match=r"/a\.csv must stay as it is .*, found another version .*; run it again"):
        file.open("rb").__enter__()


def read_while(web, change):
    """Read the beginning of the table, make a change, and read the rest."""
    with open_table(listed(web)) as text:
        text.read(10)
        change()
        while text.read(1 << 20):
            pass


def test_a_change_while_it_is_read_is_noticed_in_the_end(web):
    with pytest.raises(RemoteError, match="found another version"):
        read_while(web, lambda: web.bodies.update({"/a.csv": DATA.replace(b"SE", b"EN")}))


def test_a_change_that_makes_no_table_of_it_is_told_as_a_change(web):
    web.bodies["/a.csv"] = parquet(table(rows(50_000)))
    with pytest.raises(RemoteError, match="found another version"):
        read_while(web, lambda: web.bodies.update({"/a.csv": bytes(len(web.bodies["/a.csv"]))}))


def test_a_change_between_two_parts_is_noticed(web):
    place = place_of(f"{web.url}/a.csv")
    files = table_files(place)
    check_unchanged(place, files)
    web.bodies["/a.csv"] += b"\n"
    with pytest.raises(ValueError, match=r"the raw table must stay as it is .*, found other files or versions"):
        check_unchanged(place, files)


def test_what_goes_wrong_on_the_way_is_not_taken_for_a_damaged_table(web):
    web.bodies["/a.csv"] = parquet(table(rows(50_000)))
    with pytest.raises(RemoteError, match=r"a\.csv must be readable, found .* 503, .*; check the address, the cred"):
        read_while(web, lambda: setattr(web, "status", 503))


def test_what_is_not_there_is_named(web):
    del web.bodies["/a.csv"]
    with pytest.raises(RemoteError, match=r"/a\.csv must be readable, found .*: 404, .*; check the address, the cred"):
        listed(web)


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(RemoteError, match=r"^http://127\.0\.0\.1:9/a\.csv must be readable, found .*Cannot connect"):
        table_files(Remote("http://127.0.0.1:9/a.csv"))


def test_a_server_without_etags_is_refused(web):
    web.has_etags = False
    with pytest.raises(RemoteError, match=r"must have an etag and a length, .*, found .* does not say them; bring the"):
        listed(web)


def test_a_server_that_knows_no_ranges_is_refused(web):
    web.has_ranges = False
    with pytest.raises(RemoteError, match=r"must answer with the bytes that are asked for, found .* in place of"):
        plan(table_files(place_of(f"{web.url}/a.csv")), part_bytes=1 << 19)


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    words = r"a place at s3:// needs s3fs; found no s3fs; python -m pip install dvc-s3"
    with pytest.raises(MissingPackageError, match=words):
        table_files(place_of("s3://salaries/raw"))


def test_spills_may_be_at_a_url_too(web):
    kept = batch(rows(50))
    place = write_spill(place_of(web.url) / "0-0.arrow", kept)
    assert str(place) == f"{web.url}/0-0.arrow"
    assert read_spill(pickled(place)).equals(kept)


def test_a_spill_that_is_lost_is_named(web):
    with pytest.raises(RemoteError, match=r"0-0\.arrow must be readable, found nothing there"):
        read_spill(place_of(web.url) / "0-0.arrow")
