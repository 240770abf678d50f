"""The files that hold a night's record, as seen from the project's folder. It imports nothing heavy, as gc needs it."""

import csv
import os
from pathlib import Path

JSON, MARKDOWN, HISTORY, PAGE, REFERENCE, ANCHOR = (
    Path("metrics", name)
    for name in ("nightly.json", "nightly.md", "history.csv", "nights.html", "reference.json", "anchor.json")
)
RECORD = tuple(map(str, (JSON, MARKDOWN, HISTORY, PAGE, REFERENCE)))
"""They tell of all nights, and so an earlier night that comes back does not bring its own."""
FILES = (*RECORD, str(ANCHOR))

ROLLBACK = "rollback"
"""The word in the history's column `decision` where a night has one."""


def add_rollback(project: Path, *, date: str, tag: str, table_md5: str) -> None:
    """Add the line of a rollback to that tag to the project's history, under the columns that it has.

    Raises: OSError if there is no history.
    """
    with (project / HISTORY).open("r+", encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file), [])
        file.seek(0, os.SEEK_END)
        cells = {"date": date, "decision": ROLLBACK, "tag": tag, "table_md5": table_md5}
        csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n").writerow(cells)
