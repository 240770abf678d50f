"""A night, a rollback and a gc of a project run one at a time."""

from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.runtime.lock import exclusive

LOCK_FILE = Path(".cache/nightly.lock")


def only_one(project: Path) -> AbstractContextManager[None]:
    """Hold the project's lock for as long as the block runs.

    Raises: BusyError if a night, a rollback or a gc runs there; it says which process that is.
    """
    rule = "must not run beside a night, a rollback or a gc of the same project"
    fix = "wait for its end, or end it: what a night leaves is put aside by the next"
    return exclusive(project / LOCK_FILE, rule=rule, fix=fix)
