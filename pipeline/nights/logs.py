"""The logs of past nights in `runs/`: what only this machine knows, until `make gc` takes it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LOG = "night.json"  # in the folder of a run


def read_logs(runs: Path) -> Iterator[Mapping[str, Any]]:
    """The logs, oldest first. One that is cut short is left out: its night was killed, or the disk was full."""
    for file in sorted(runs.glob(f"*/{LOG}")):
        try:
            log = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(log, dict):
            yield log
