import bz2
import io
import json
import lzma
import pickle
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.feather
import pytest

from pipeline.data.file_kinds import HEAD_BYTES, KINDS, refuse_other_kinds
from tests.support.tables import HEADER, rows, table

TABLE = table(rows(40))


def zipped(*names: str) -> bytes:
    """A zip archive of files of these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "application/vnd.oasis.opendocument.spreadsheet" if name == "mimetype" else TABLE)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("table.csv"), io.BytesIO())
    return file.getvalue()


def in_zstandard() -> bytes:
    file = io.BytesIO()
    with pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write(TABLE)
        stream.flush()
        return file.getvalue()


def in_feather() -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"a": [1]}), file)
    return file.getvalue()


FILES = {
    "a Git LFS pointer": [b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"],
    "a git-annex pointer": [b"/annex/objects/MD5E-s5--5d41.csv\n", b"../.git/annex/objects/W/j/MD5E-s5--5d41.csv"],
    "a DVC file": [
        b"outs:\n- md5: 3f2a\n  size: 5\n  path: salaries.csv\n",
        b"md5: 3f2a\nfrozen: true\ndeps:\n- path: https://example.org/salaries.csv\n",
    ],
    "an HTML or XML page": [
        b"<!DOCTYPE html>\n<html></html>",
        b"\n\n  <html lang='en'>",
        b"\xef\xbb\xbf<?xml version='1.0'?>",
        b"<!-- a page -->",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"<Error>\n  <Code>AccessDenied</Code></Error>",
    ],
    "an error message": [b"404: Not Found", b"\nAccess denied\r\n", b"error code: 1020\n", b"429 Too Many Requests"],
    "JSON": [json.dumps(text).encode() for text in ([{"a": 1}], {"a": [1]}, [["a"], [1]], ["a"])]
    + [b'{\n  "a": 1}', b"{}", b"[ ]\n"],
    "UTF-16 text": [HEADER.encode("utf-16"), "\ufeff".encode("utf-16-be")],
    "a spreadsheet": [
        zipped("[Content_Types].xml", "_rels/.rels"),
        zipped("docProps/app.xml", "docProps/core.xml"),
        zipped("xl/worksheets/sheet1.xml"),
        zipped("_rels/.rels"),
        zipped("mimetype", "content.xml"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    ],
    "a zip archive": [zipped("table.csv"), zipped()],
    "a tar archive": [tarred()],
    "a 7-Zip archive": [b"7z\xbc\xaf\x27\x1c\0\4"],
    "a RAR archive": [b"Rar!\x1a\x07\x01\0"],
    "a file compressed with xz": [lzma.compress(TABLE)],
    "a file compressed with Zstandard": [in_zstandard()],
    "a file compressed with bzip2": [bz2.compress(TABLE)],
    "a file compressed with gzip twice": [b"\x1f\x8b\x08"],
    "a Python pickle": [pickle.dumps({"a": [1]}, protocol) for protocol in (2, 3, 4, 5)],
    "an Arrow (Feather) file": [in_feather()],
    "a SQLite database": [b"SQLite format 3\0\x10"],
    "a PDF document": [b"%PDF-1.7\n"],
}


def test_each_kind_has_examples():
    assert list(FILES) == list(KINDS)


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, examples in FILES.items() for data in examples])
def test_a_file_that_is_no_table_is_told_by_its_first_bytes(kind, data):
    with pytest.raises(ValueError, match="Parquet, found") as caught:
        refuse_other_kinds(data[:HEAD_BYTES], where="salaries.csv")
    assert str(caught.value) == (
        "salaries.csv: the table must be CSV, plain or compressed with gzip, or Parquet,"
        f" found what seems to be {kind}; {KINDS[kind][1]}"
    )


MAY_BE_CSV = [HEADER, f"\ufeff{HEADER}", f"<id>,{HEADER}", f"[1],{HEADER}", "", "version,a\n1,2", "PKEY,a\n", "deps:,a"]
MAY_BE_CSV += [f"{{}},{HEADER}", f"error,{HEADER}", "error\nnot found\n"]


@pytest.mark.parametrize("text", MAY_BE_CSV)
def test_what_may_be_csv_is_taken_for_nothing_else(text):
    refuse_other_kinds(text.encode(), where="salaries.csv")
