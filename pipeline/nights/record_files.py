"""The files that hold a night's record, as seen from the project's folder. It imports nothing heavy, as gc needs it."""

from pathlib import Path

JSON, MARKDOWN, HISTORY, REFERENCE, ANCHOR = (
    Path("metrics", name) for name in ("nightly.json", "nightly.md", "history.csv", "reference.json", "anchor.json")
)
RECORD = tuple(map(str, (JSON, MARKDOWN, HISTORY, REFERENCE)))
"""They tell of all nights, and so stay as they are when an earlier night comes back."""
FILES = (*RECORD, str(ANCHOR))
