"""What a file that is no table seems to be, by its first bytes, and what to do about it."""

import re

HEAD_BYTES = 512  # a tar archive says what it is behind byte 257
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
UTF8_MARK_AND_BLANKS = rb"(?:\xef\xbb\xbf)?\s*"

UNPACK = "unpack it and name the table in it"
SAVE_AS_CSV = "save its table as CSV (UTF-8, with commas)"
SAVE_FROM_PYTHON = "load it where it was made, and save the table with to_csv(index=False) or to_parquet"

KINDS: dict[str, tuple[bytes, str]] = {  # the first kind whose pattern the first bytes match
    "a Git LFS pointer": (  # version https://git-lfs.github.com/spec/v1⏎oid sha256:4d7a…
        rb"version https://(git-lfs|hawser)\.github\.com/",
        "git lfs pull brings the table itself",
    ),
    "a git-annex pointer": (  # ../.git/annex/objects/W/j/MD5E-s5--5d41.csv
        rb"(\.\./)*(\.git)?/annex/objects/",
        "git annex get brings the table itself",
    ),
    "a DVC file": (  # outs:⏎- md5: 3f…
        rb"((md5|frozen): \w+\r?\n)*(outs|deps):\r?\n *- ",
        "name the table that it points to; dvc pull brings it",
    ),
    "an HTML or XML page": (
        UTF8_MARK_AND_BLANKS
        + rb"(?i:<(?:"
        + rb"(?:!doctype|!--|\?xml|html|head|body|table)[\s>-]"  # <!DOCTYPE html>
        + rb"|[\w:.-]+\s+[\w:.-]+\s*=\s*[\"']"  # <svg xmlns="…
        + rb"|[\w:.-]+>\s*<))",  # <Error><Code>…, and not the column of <id>,<year>
        "download the file itself and not the page that shows it",
    ),
    "an error message": (  # 404: Not Found, all alone in the file
        UTF8_MARK_AND_BLANKS + rb"(?i:[^,;\t\n]*\b(?:[45]\d\d|error|not found|denied|forbidden|unauthorized|"
        rb"unavailable|too many requests|timeout)\b[^,;\t\n]*\s*\Z)",
        "download the file again, from its own address and with the access that it needs",
    ),
    "JSON": (  # [{"a": 1}], {"a": [1]}, [[1]], {}
        UTF8_MARK_AND_BLANKS + rb'(?:[\[{]\s*["\[{]|\{\s*\}\s*\Z|\[\s*\]\s*\Z)',
        SAVE_FROM_PYTHON,
    ),
    "UTF-16 text": (rb"\xff\xfe|\xfe\xff", "save it as UTF-8"),
    "a spreadsheet": (  # a zip archive whose first entry is named so, or the format before 2007
        rb"(?s:PK\x03\x04.{26}(\[Content_Types\]|_rels/|docProps/|xl/|mimetypeapplication/vnd\.oasis\.opendocument))"
        rb"|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        SAVE_AS_CSV,
    ),
    "a zip archive": (rb"PK(\x03\x04|\x05\x06|\x07\x08)", UNPACK),  # of files, of none, in several parts
    "a tar archive": (rb"(?s:.{257}ustar)", UNPACK),  # behind the first file's name, rights, owner and size
    "a 7-Zip archive": (rb"7z\xbc\xaf\x27\x1c", UNPACK),
    "a RAR archive": (rb"Rar!\x1a\x07", UNPACK),
    "a file compressed with xz": (rb"\xfd7zXZ\x00", UNPACK),
    "a file compressed with Zstandard": (rb"\x28\xb5\x2f\xfd", UNPACK),
    "a file compressed with bzip2": (rb"BZh[1-9]1AY&SY", UNPACK),  # its level, and the digits of pi as a number
    "a file compressed with gzip twice": (GZIP, UNPACK),
    "a Python pickle": (rb"\x80[\x02-\x05]", SAVE_FROM_PYTHON),  # of protocol 2 to 5
    "an Arrow (Feather) file": (rb"ARROW1", SAVE_FROM_PYTHON),
    "a SQLite database": (rb"SQLite format 3\x00", SAVE_AS_CSV),
    "a PDF document": (rb"%PDF-", SAVE_AS_CSV),
}


def refuse_other_kinds(head: bytes, *, where: str) -> None:
    """Raise ValueError, with what to do, if a file that begins with these bytes cannot be a CSV table."""
    for kind, (pattern, advice) in KINDS.items():
        if re.match(pattern, head):
            rule = "the table must be CSV, plain or compressed with gzip, or Parquet"
            raise ValueError(f"{where}: {rule}, found what seems to be {kind}; {advice}")
