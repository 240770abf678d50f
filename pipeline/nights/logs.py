"""The logs of past nights in `runs/`: what only this machine knows, until `make gc` takes it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LOG = "night.json"  # in the folder of a run


def read_logs(runs: Path) -> Iterator[Mapping[str, Any]]:
    """The logs, oldest first."""
    yield from filter(None, map(read_log, sorted(runs.glob(f"*/{LOG}"))))


def read_log(file: Path) -> Mapping[str, Any]:
    """What a file of a run says; nothing if it is not there or cut short: a night was killed, or the disk was full."""
    try:
        log = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return log if isinstance(log, dict) else {}
