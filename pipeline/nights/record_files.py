"""The files that hold a night's record, as seen from the project's folder. It imports nothing heavy, as gc needs it."""

from pathlib import Path

JSON, MARKDOWN, HISTORY, PAGE = (
    Path("metrics", name) for name in ("nightly.json", "nightly.md", "history.csv", "nights.html")
)
FILES = tuple(map(str, (JSON, MARKDOWN, HISTORY, PAGE)))
