"""Outputs that are replaced whole: the last good ones stay until all the new ones are written."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pipeline.runtime.interrupts import interrupts_held_back

DRAFT = ".draft"  # git and DVC ignore such files


class DraftOf(Protocol):
    """From an output's path to that of its draft, which the caller writes: a file or a folder."""

    def __call__(self, output: Path, *, scratch: bool = False) -> Path:
        """scratch: it is no output, and is removed in the end."""


def require_folder_of(output: Path) -> None:
    """Raise ValueError if the folder in which an output is to be written does not exist."""
    if not output.parent.is_dir():
        fix = f"make it with mkdir -p {shlex.quote(str(output.parent))}"
        raise ValueError(f"{output}: the output's folder must exist, found none; {fix}")


@contextmanager
def drafts() -> Iterator[DraftOf]:
    """For a block that writes outputs: when it has ended, each draft takes its output's place.

    If it fails, is interrupted, or has not written one of them, all outputs stay as they were. An interrupt that comes
    while the drafts take their places waits until all have. A kill is not to be held back: there it leaves some of the
    outputs new and others old, and a folder may be missing, until the same outputs are written again. None is written
    in place: it may be a link into DVC's cache.
    """
    outputs: dict[Path, Path | None] = {}  # by draft; None if it is no output

    def draft_of(output: Path, *, scratch: bool = False) -> Path:
        draft = output.with_name(f".{output.name}{DRAFT}")
        output.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        _put_back(output)
        outputs[draft] = None if scratch else output
        return draft

    try:
        yield draft_of
        written = {draft: output for draft, output in outputs.items() if output}
        if missing := [str(output) for draft, output in written.items() if not draft.exists()]:
            raise FileNotFoundError(f"{', '.join(missing)} must be written anew, found no draft")
        with interrupts_held_back():
            for draft, output in written.items():
                _replace(output, draft)
    finally:
        with interrupts_held_back():
            for draft, place in outputs.items():
                _remove(draft)
                if place:
                    _put_back(place)


def _replace(output: Path, draft: Path) -> None:
    """Put the draft in the output's place. A folder cannot replace another one: the old one goes aside first.

    Killed in between, the folder is missing, and never half the old and half the new one.
    """
    if not output.is_dir():
        draft.replace(output)
        return
    output.rename(_aside(output))
    draft.rename(output)


def _put_back(output: Path) -> None:
    """The old folder, which was put aside, comes back if there is no new one; else it goes."""
    if _aside(output).exists() and not output.exists():
        _aside(output).rename(output)
    _remove(_aside(output))


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old{DRAFT}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
