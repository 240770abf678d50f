"""What nights, rollback and gc agree on: one at a time, where the record stands, who signs. Starts without pandas."""

import datetime
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.repository.workspace import Workspace
from pipeline.runtime.lock import exclusive

LOCK_FILE = Path(".cache/nightly.lock")
JSON, MARKDOWN, HISTORY = (Path("metrics", name) for name in ("nightly.json", "nightly.md", "history.csv"))
FILES = tuple(map(str, (JSON, MARKDOWN, HISTORY)))
AUTHOR, ADDRESS = "nightly", "nightly@localhost"


def only_one(project: Path) -> AbstractContextManager[None]:
    """Hold the project's lock for as long as the block runs.

    Raises: BusyError if a night, a rollback or a gc runs there; it says which process that is.
    """
    rule = "must not run beside a night, a rollback or a gc of the same project"
    fix = "wait for its end, or end it: what a night leaves is put aside by the next"
    return exclusive(project / LOCK_FILE, rule=rule, fix=fix)


def identity(date: datetime.date) -> dict[str, str]:
    """Variables for git: the bot at the date's midnight, UTC, so that a night is always the same commit."""
    values = {"NAME": AUTHOR, "EMAIL": ADDRESS, "DATE": f"{date.isoformat()}T00:00:00+0000"}
    return {f"GIT_{role}_{part}": values[part] for role in ("AUTHOR", "COMMITTER") for part in values}


def as_bot(workspace: Workspace, date: datetime.date) -> Workspace:
    """The same, where the bot is the author of all commits and tags."""
    return workspace.with_variables(identity(date))
