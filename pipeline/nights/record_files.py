"""The files that hold a night's record, as seen from the project's folder. It imports nothing heavy, as gc needs it."""

from pathlib import Path

JSON, MARKDOWN, HISTORY, REFERENCE = (
    Path("metrics", name) for name in ("nightly.json", "nightly.md", "history.csv", "reference.json")
)
FILES = tuple(map(str, (JSON, MARKDOWN, HISTORY, REFERENCE)))
