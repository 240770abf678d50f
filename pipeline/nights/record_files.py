"""The files in which the record of the nights stands: light to import, for commands that read no table."""

from pathlib import Path

JSON, MARKDOWN, HISTORY = (Path("metrics", name) for name in ("nightly.json", "nightly.md", "history.csv"))
FILES = tuple(map(str, (JSON, MARKDOWN, HISTORY)))
