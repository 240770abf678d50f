"""What stages that dvc.yaml no longer has have left behind: their entries in dvc.lock, and their outputs."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.repository.dvc_lock import LOCK, outputs, read_lock
from pipeline.repository.project import Project
from pipeline.runtime.drafts import drafts
from pipeline.runtime.yaml_edit import without

STAGES = "dvc.yaml"


@dataclass(frozen=True)
class Leftovers:
    """The names of the stages, and those of their outputs that are still there."""

    stages: tuple[str, ...]
    outputs: tuple[str, ...]


def clean_up_dropped(project: Project, *, delete: bool) -> list[str]:
    """Show, or delete, what dropped stages have left; returns it in words.

    Raises: ValueError if dvc.lock is not as DVC wrote it; RuleError if an output leads out of the repository;
    CommandError if DVC cannot tell its stages.
    """
    found = find_leftovers(project)
    if not found.stages:
        return ["gc: no recipe has been dropped whose stages are still in dvc.lock"]
    project.check_inside(found.outputs)
    would = "went" if delete else "would go"
    words = [
        f"gc: dvc.yaml and params.yaml no longer have {', '.join(found.stages)}",
        f"stages in {LOCK}: {len(found.stages)} {would}",
        f"outputs: {len(found.outputs)} {would}",
        *(f"  {path}" for path in found.outputs),
    ]
    if lines := _lines_that_name(found.outputs, project.folder / STAGES):
        words.append(f"{STAGES} still names them: take out line {', '.join(map(str, lines))}")
    if not delete:
        return [*words, "nothing was deleted: --delete does it"]
    _remove(found, project.folder)
    return [*words, "next: dvc repro writes the report without them; what DVC's cache has of them goes with a later gc"]


def find_leftovers(project: Project) -> Leftovers:
    """What stages have left that dvc.lock has and dvc.yaml has not: all that no other stage reads or writes."""
    lock = project.folder / LOCK
    recorded = read_lock(lock) if lock.exists() else {}
    stages = set(project.stages()) if recorded else set()
    gone = {name: stage for name, stage in recorded.items() if name not in stages}
    kept = [stage for name, stage in recorded.items() if name in stages]
    others = {PurePosixPath(STAGES), *(PurePosixPath(path) for each in kept for path in (*each.reads, *each.writes))}
    written = {PurePosixPath(path) for each in kept for path in each.writes}
    left = [
        path
        for path in sorted(outputs(gone))
        if (project.folder / path).exists()
        and not any(other.is_relative_to(path) for other in others)
        and not any(PurePosixPath(path).is_relative_to(folder) for folder in written)
    ]
    return Leftovers(tuple(gone), tuple(left))


def _lines_that_name(paths: Iterable[str], file: Path) -> list[int]:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return [number for number, line in lines if any(path in line for path in paths)]


def _remove(found: Leftovers, folder: Path) -> None:
    """The outputs first: until they are gone, dvc.lock knows them, and the same command goes on."""
    for path in map(folder.joinpath, found.outputs):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        with suppress(OSError):  # there is something else in it
            path.parent.rmdir()
    lock = folder / LOCK
    with drafts() as draft_of:
        text = without(lock.read_text(encoding="utf-8"), (f"stages.{name}" for name in found.stages))
        draft_of(lock).write_text(text, encoding="utf-8")
